//! Who is connected: the one thing services ask of the gateway.

use peregrine_store::Micros;

/// When and from where an agent that is here was last heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub at: Micros,
    pub ip: String,
}

/// Knows which agents are online.
pub trait Presence: Send + Sync {
    /// When an online client was last seen; none when it is not online.
    fn seen(&self, client_id: &str) -> Option<Seen>;
    /// Clients online.
    fn online(&self) -> Vec<String>;
}
