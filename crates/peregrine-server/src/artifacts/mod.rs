//! What the server needs from artifacts: to list, to show, and to compile them for an agent.

mod repository;

pub use repository::RepositoryArtifacts;

use peregrine_proto::{Artifact, VqlCollectorArgs};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An artifact to collect, with its parameters as text.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Spec {
    /// Its name.
    pub artifact: String,
    /// Values that differ from the defaults.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// Why a request cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CompileError {
    /// The artifact at fault.
    pub artifact: String,
    /// The parameter at fault, if one is.
    pub parameter: Option<String>,
    /// What is wrong and what to do.
    pub message: String,
}

/// The artifacts a server offers.
pub trait ArtifactService: Send + Sync + 'static {
    /// Artifacts that match a search text (all for an empty one), in order of names. Hidden ones are left out.
    fn search(&self, text: &str) -> Vec<Arc<Artifact>>;
    /// One artifact.
    fn get(&self, name: &str) -> Option<Arc<Artifact>>;
    /// Requests that run these artifacts, with everything they refer to, in order; result names are plain.
    fn compile(&self, specs: &[Spec], limits: &Limits) -> Result<Compiled, CompileError>;
}

/// Limits of a whole collection; zero leaves a limit to the artifacts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Per cent of one processor.
    pub cpu_limit: f32,
    /// Input and output operations per second.
    pub iops_limit: f32,
    /// Seconds a query may take.
    pub timeout: u64,
    /// Seconds without progress.
    pub progress_timeout: f32,
    /// Rows of the collection.
    pub max_rows: u64,
    /// Bytes uploaded by the collection.
    pub max_upload_bytes: u64,
}

/// What [`ArtifactService::compile`] makes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compiled {
    /// In order, numbered from 1.
    pub requests: Vec<VqlCollectorArgs>,
    /// Rows after which the collection is cancelled; 0: no limit.
    pub max_rows: u64,
    /// Uploaded bytes after which it is cancelled.
    pub max_upload_bytes: u64,
}
