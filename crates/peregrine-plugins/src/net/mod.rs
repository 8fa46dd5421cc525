//! The network, and the network configuration of this machine.

pub(crate) mod connections;
pub(crate) mod http_client;
mod http_fetch;
mod http_socket;
pub(crate) mod interfaces;
pub(crate) mod netcat;
pub(crate) mod netstat;
