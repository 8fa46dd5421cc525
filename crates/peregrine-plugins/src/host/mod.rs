//! Facts about this machine.

#[cfg(feature = "efivariables")]
pub(crate) mod efivariables;
pub(crate) mod environ;
pub(crate) mod filesystems;
pub(crate) mod info;
pub(crate) mod partitions;
pub(crate) mod trace;
pub(crate) mod users;
