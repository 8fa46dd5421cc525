//! What to collect, as `collect_client()` and `hunt()` are told it.

use peregrine_api::flows::CollectRequest;
use peregrine_engine::prelude::*;

use crate::Live;
use crate::specs::{artifact_spec, dict_of, limit_f32, limit_u64};

/// Limits of a collection.
#[derive(VqlArgs)]
pub struct Limits {
    /// Maximum seconds a query may take.
    #[arg(default = 0)]
    timeout: i64,
    /// The older form of `cpu_limit`.
    #[arg(default = 0.0)]
    ops_per_sec: f64,
    /// Percent of one processor.
    #[arg(default = 0.0)]
    cpu_limit: f64,
    /// Maximum input and output operations per second.
    #[arg(default = 0.0)]
    iops_limit: f64,
    /// Maximum number of rows.
    #[arg(default = 0)]
    max_rows: i64,
    /// Maximum number of uploaded bytes.
    #[arg(default = 0)]
    max_bytes: i64,
}

/// The request of `function`: artifacts with the parameters of `env` that they declare, and those that `spec` has for each.
pub(crate) fn request(
    scope: &Scope,
    live: &Live,
    function: &str,
    names: &[String],
    (env, spec): (&Dict, &Dict),
    limits: &Limits,
) -> VqlResult<CollectRequest> {
    let mut artifacts = Vec::new();
    for name in names {
        let own = dict_of(scope, name, spec.get(name).unwrap_or_default())?;
        artifacts.push(artifact_spec(scope, live, name, env, &own)?);
    }
    for name in spec.keys() {
        if !names.iter().any(|artifact| name == *artifact.as_str()) {
            let text = format!(
                "{function}: `spec` is also for `{name}`, which is not among the artifacts to collect"
            );
            scope.log(Level::Warn, &text);
        }
    }
    Ok(CollectRequest {
        artifacts,
        ops_per_second: limit_f32("ops_per_sec", limits.ops_per_sec)?,
        cpu_limit: limit_f32("cpu_limit", limits.cpu_limit)?,
        iops_limit: limit_f32("iops_limit", limits.iops_limit)?,
        timeout: limit_u64("timeout", limits.timeout)?,
        max_rows: limit_u64("max_rows", limits.max_rows)?,
        max_upload_bytes: limit_u64("max_bytes", limits.max_bytes)?,
        ..CollectRequest::default()
    })
}
