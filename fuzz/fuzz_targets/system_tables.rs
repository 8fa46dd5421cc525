//! The system's tables of mounts, users and groups, much of which a container controls.
#![cfg_attr(fuzzing, no_main)]

use peregrine_os::linux;

peregrine_fuzz::target!(|input: &[u8]| {
    let _ = linux::parse_mountinfo(input);
    let _ = linux::parse_passwd(input);
    let _ = linux::parse_group(input);
});
