//! The network: moves bodies, seals packets for the server, and turns its answers into tasks. It uses `work`
//! and `state`.

pub(crate) mod connector;
pub(crate) mod receiver;
pub(crate) mod retry;
pub(crate) mod sender;
pub(crate) mod tls;
pub(crate) mod transport;
