//! Limits: which of those an artifact, a user and the configuration name wins.

use crate::compile::{Compiled, CompiledRequest, Spec};
use crate::model::Resources;

/// Limits of a whole collection; zero means: not set.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Deprecated form of `cpu_limit`.
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

/// Sizes of the packets rows are sent in, as configured; zero means: not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Batching {
    /// Rows.
    pub max_rows: u64,
    /// Bytes.
    pub max_row_buffer_size: u64,
    /// Seconds.
    pub max_wait: u64,
}

/// Rows of a batch when nobody says anything.
const DEFAULT_BATCH_ROWS: u64 = 1000;
/// Bytes a collection may upload when nobody says anything.
const DEFAULT_UPLOAD_BYTES: u64 = 1 << 30;

/// Sets the limits of one request: the artifact's, then the spec's, then the collection's.
pub(crate) fn apply(
    request: &mut CompiledRequest,
    artifact: &Resources,
    spec: &Spec,
    limits: &Limits,
    batching: &Batching,
) {
    request.timeout = last_set([artifact.timeout, spec.timeout, limits.timeout]);
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

/// Sets the limits that hold for all requests together: the largest any artifact asks for, unless the user says.
pub(crate) fn apply_to_collection(compiled: &mut Compiled, limits: &Limits) {
    compiled.max_rows = last_set([compiled.max_rows, limits.max_rows]);
    compiled.max_upload_bytes = last_set([
        DEFAULT_UPLOAD_BYTES,
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
