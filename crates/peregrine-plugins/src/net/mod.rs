//! The network of this machine.

pub(crate) mod interfaces;
pub(crate) mod netstat;
