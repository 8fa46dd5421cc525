//! Why a request failed.

use serde::Serialize;

/// Answer of every failed request; the HTTP status is 400 or above.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Failure {
    /// What went wrong.
    pub error: Fault,
}

/// What went wrong.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Fault {
    /// Stable name of the error for programs, such as `not_found`.
    pub code: String,
    /// Message for people.
    pub message: String,
    /// More about the error, if there is more to say.
    pub detail: Option<Detail>,
}

/// More about an error.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Detail {
    /// An artifact cannot be launched as requested.
    Artifact {
        /// Name of the artifact, or of several.
        artifact: String,
        /// The invalid parameter, if it is about one.
        parameter: Option<String>,
        /// The permission the user lacks, if it is about one.
        permission: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// The user lacks a permission.
    Permission {
        /// The permission the user lacks.
        permission: String,
    },
}
