//! What the system says about mounts, users and groups; a container chooses much of it.
#![cfg_attr(fuzzing, no_main)]

use peregrine_os::linux;

peregrine_fuzz::target!(|input: &[u8]| {
    let _ = linux::parse_mountinfo(input);
    let _ = linux::parse_passwd(input);
    let _ = linux::parse_group(input);
});
