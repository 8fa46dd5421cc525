//! One search over everything, for the command palette.

use crate::flows::Flow;
use serde::{Deserialize, Serialize};

/// Query string of `GET search`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct SearchQuery {
    /// What to look for; empty is everything.
    pub q: Option<String>,
    /// How many of each kind, at most 100; 20 when nothing is said.
    pub limit: Option<u64>,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SearchAnswer {
    /// Machines.
    pub clients: Vec<FoundClient>,
    /// Artifacts; those whose names begin with the words come first.
    pub artifacts: Vec<FoundArtifact>,
    /// Collections, the newest first.
    pub flows: Vec<Flow>,
}

/// A machine that was found.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundClient {
    /// Its id.
    pub client_id: String,
    /// Its name.
    pub hostname: String,
    /// It is connected.
    pub online: bool,
}

/// An artifact that was found.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundArtifact {
    /// Its name.
    pub name: String,
    /// Where it runs, such as `client`.
    pub r#type: String,
    /// The first line of its description.
    pub description: String,
}
