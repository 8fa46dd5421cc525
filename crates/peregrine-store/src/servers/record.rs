//! A server as the others know it.

use crate::model::Micros;

/// A server that works on the database, or did until it ended without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRecord {
    /// Another one at every start.
    pub server_id: String,
    /// The machine it runs on.
    pub host: String,
    /// When it was started.
    pub started: Micros,
    /// Counts up while it lives.
    pub beat: u64,
    /// It keeps files or the bus to itself, so no other one can work beside it.
    pub is_local: bool,
}
