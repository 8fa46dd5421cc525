//! Limits: which of those set by an artifact, a user and the configuration applies.

use crate::compile::{Compiled, CompiledRequest, Options};
use crate::launch::Spec;
use crate::model::Resources;
use serde::{Deserialize, Serialize};

/// Limits of a whole collection; zero means not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Deprecated form of `cpu_limit`.
    #[serde(skip_serializing)]
    pub ops_per_second: f32,
    /// Per cent of one processor.
    pub cpu_limit: f32,
    /// Input and output operations per second.
    pub iops_limit: f32,
    /// Seconds without progress.
    pub progress_timeout: f32,
    /// Seconds a query may take.
    pub timeout: u64,
    /// Rows of the collection.
    pub max_rows: u64,
    /// Bytes uploaded by the collection.
    pub max_upload_bytes: u64,
}

/// Maximum sizes of row packets, as configured; zero means not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Batching {
    /// Rows.
    pub max_rows: u64,
    /// Bytes.
    pub max_row_buffer_size: u64,
    /// Seconds.
    pub max_wait: u64,
}

/// Limits if neither user nor artifact sets them, as configured; zero means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Defaults {
    /// Seconds a query may take.
    pub timeout: u64,
    /// Rows of a collection.
    pub max_rows: u64,
    /// Bytes uploaded by a collection.
    pub max_upload_bytes: u64,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults {
            timeout: 0,
            max_rows: 0,
            max_upload_bytes: 1 << 30,
        }
    }
}

/// Default number of rows in a batch.
const DEFAULT_BATCH_ROWS: u64 = 1000;

/// Sets the limits of one request: the artifact's, then the spec's, then the collection's.
pub(crate) fn apply(
    request: &mut CompiledRequest,
    artifact: &Resources,
    spec: &Spec,
    limits: &Limits,
    options: &Options<'_>,
) {
    let batching = &options.batching;
    request.timeout = last_set([
        options.defaults.timeout,
        artifact.timeout,
        spec.timeout,
        limits.timeout,
    ]);
    request.cpu_limit = last_set([artifact.cpu_limit, spec.cpu_limit, limits.cpu_limit]);
    request.iops_limit = last_set([artifact.iops_limit, limits.iops_limit]);
    request.ops_per_second = last_set([artifact.ops_per_second, limits.ops_per_second]);
    request.progress_timeout = limits.progress_timeout.max(0.0);
    request.max_wait = last_set([
        batching.max_wait.max(artifact.max_batch_wait),
        spec.max_batch_wait,
    ]);
    request.max_row = last_set([
        DEFAULT_BATCH_ROWS,
        batching.max_rows.max(artifact.max_batch_rows),
        spec.max_batch_rows,
    ]);
    request.max_row_buffer_size = last_set([
        batching.max_row_buffer_size.max(artifact.max_batch_rows_buffer),
        spec.max_batch_rows_buffer,
    ]);
}

/// Sets the limits on all requests together: the largest any artifact asks for, unless the user sets them.
pub(crate) fn apply_to_collection(compiled: &mut Compiled, limits: &Limits, defaults: &Defaults) {
    compiled.max_rows = last_set([defaults.max_rows, compiled.max_rows, limits.max_rows]);
    compiled.max_upload_bytes = last_set([
        defaults.max_upload_bytes,
        compiled.max_upload_bytes,
        limits.max_upload_bytes,
    ]);
}

/// The last value above zero.
fn last_set<T: PartialOrd + Default + Copy, const N: usize>(values: [T; N]) -> T {
    values
        .into_iter()
        .rev()
        .find(|value| *value > T::default())
        .unwrap_or_default()
}
