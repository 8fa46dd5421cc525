//! This machine and this program.

pub(crate) mod environ;
mod getpid;
mod lookup_sid;
#[cfg(unix)]
mod pskill;
mod rekey;
#[cfg(target_os = "linux")]
mod sysinfo;
mod whoami;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = &[
    FunctionDef::of::<environ::Environ>(),
    FunctionDef::of::<getpid::Getpid>(),
    FunctionDef::of::<lookup_sid::LookupSid>(),
    #[cfg(unix)]
    FunctionDef::of::<pskill::Pskill>(),
    FunctionDef::of::<rekey::Rekey>(),
    #[cfg(target_os = "linux")]
    FunctionDef::of::<sysinfo::Sysinfo>(),
    FunctionDef::of::<whoami::Whoami>(),
];
