//! This machine and this program.

pub(crate) mod environ;
mod getpid;
#[cfg(unix)]
mod pskill;
#[cfg(target_os = "linux")]
mod sysinfo;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = &[
    FunctionDef::of::<environ::Environ>(),
    FunctionDef::of::<getpid::Getpid>(),
    #[cfg(unix)]
    FunctionDef::of::<pskill::Pskill>(),
    #[cfg(target_os = "linux")]
    FunctionDef::of::<sysinfo::Sysinfo>(),
];
