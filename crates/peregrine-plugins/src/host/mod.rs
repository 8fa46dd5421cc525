//! Facts about this machine.

pub(crate) mod environ;
pub(crate) mod filesystems;
pub(crate) mod info;
pub(crate) mod users;
