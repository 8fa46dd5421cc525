//! Why a request is not answered.

use serde::Serialize;

/// Answer of every request that fails; its HTTP status is 400 or above.
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
    /// For programs, such as `not_found`.
    pub code: String,
    /// For people.
    pub message: String,
    /// What more there is to tell.
    pub detail: Option<Detail>,
}

/// More about a refusal.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Detail {
    /// An artifact cannot be launched as it was asked for.
    Artifact {
        /// Its name, or several.
        artifact: String,
        /// The parameter that is wrong.
        parameter: Option<String>,
        /// What the user lacks.
        permission: Option<String>,
        /// Why.
        message: String,
    },
    /// The user lacks a permission.
    Permission {
        /// Which.
        permission: String,
    },
}
