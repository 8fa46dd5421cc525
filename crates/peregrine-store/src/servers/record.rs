//! A server as listed for the others.

use crate::model::Micros;

/// A server that works on the database, or one that crashed and is not yet taken off the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRecord {
    /// New at every start of the program.
    pub server_id: String,
    /// The machine it runs on.
    pub host: String,
    /// When it was started.
    pub started: Micros,
    /// Counts up while the server lives.
    pub beat: u64,
    /// Keeps files or the bus to itself, so no other server can work beside it.
    pub is_local: bool,
}
