//! Collections that users keep to start them again.

use crate::flows::ArtifactSpec;
use serde::{Deserialize, Serialize};

/// Answer of `GET favorites`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FavoriteList {
    /// Those of the user who asks, by type and name.
    pub favorites: Vec<Favorite>,
}

/// A collection that a user keeps; also the body of `PUT favorites`, which replaces one of the same type and name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Favorite {
    /// Name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub description: String,
    /// The artifacts with their parameters; at least one.
    pub spec: Vec<ArtifactSpec>,
    /// Type of the artifacts: `CLIENT`, `CLIENT_EVENT`, `SERVER` or `SERVER_EVENT`.
    pub r#type: String,
}
