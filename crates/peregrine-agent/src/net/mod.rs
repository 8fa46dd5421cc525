//! The network: bodies move, packets are sealed for the server, its answers become tasks. It knows `work` and `state`.

pub(crate) mod connector;
pub(crate) mod receiver;
pub(crate) mod retry;
pub(crate) mod sender;
pub(crate) mod tls;
pub(crate) mod transport;
