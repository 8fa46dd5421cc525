//! One search over clients, artifacts and collections, for the command palette.

use crate::flows::Flow;
use serde::{Deserialize, Serialize};

/// Query string of `GET search`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct SearchQuery {
    /// Text to search for; empty matches everything.
    pub q: Option<String>,
    /// How many of each kind to return: 20 by default, at most 100.
    pub limit: Option<u64>,
}

/// Search results.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SearchAnswer {
    /// Clients.
    pub clients: Vec<FoundClient>,
    /// Artifacts; those whose name begins with the text come first.
    pub artifacts: Vec<FoundArtifact>,
    /// Collections, newest first.
    pub flows: Vec<Flow>,
}

/// A client found by a search.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundClient {
    /// Id of the client.
    pub client_id: String,
    /// Host name.
    pub hostname: String,
    /// Whether its agent is connected.
    pub online: bool,
}

/// An artifact found by a search.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundArtifact {
    /// Its name.
    pub name: String,
    /// Where it runs, such as `client`.
    pub r#type: String,
    /// First line of the description.
    pub description: String,
}
