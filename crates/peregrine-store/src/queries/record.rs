//! A running query as listed for users of all servers.

use crate::model::Micros;

/// A query that runs on one of the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryRecord {
    /// `Q.` and a suffix; unique.
    pub query_id: String,
    /// The server that runs it.
    pub server_id: String,
    /// The user on whose behalf it runs.
    pub principal: String,
    /// Its text, perhaps shortened.
    pub text: String,
    /// When it was started.
    pub started: Micros,
}
