//! Artifacts with their parameters, as queries give them.

use std::collections::BTreeMap;

use peregrine_api::flows::ArtifactSpec;
use peregrine_artifacts::{Artifact, encode_parameters};
use peregrine_engine::json;
use peregrine_engine::prelude::*;

use crate::Live;

/// The artifact with the parameters of `shared` that it declares, and with those of `own`, which it must declare. Among
/// `own` may be limits. Values that are not text are encoded as the type of the parameter demands.
pub(crate) fn artifact_spec(
    scope: &Scope,
    live: &Live,
    name: &str,
    shared: &Dict,
    own: &Dict,
) -> VqlResult<ArtifactSpec> {
    let artifact = live.core.artifacts.resolve(name);
    let artifact = artifact.map_err(|error| error.to_string())?;
    let mut spec = ArtifactSpec::of(name);
    spec.parameters = encode(scope, &artifact, shared)?;
    let parameters = Dict::new();
    for (name, value) in own.entries() {
        let value = value.reduce(scope);
        match name.to_string().as_str() {
            "cpu_limit" => spec.cpu_limit = limit_f32("cpu_limit", number(scope, &name, &value)?)?,
            "timeout" => spec.timeout = count(scope, &name, &value)?,
            "max_batch_wait" => spec.max_batch_wait = count(scope, &name, &value)?,
            "max_batch_rows" => spec.max_batch_rows = count(scope, &name, &value)?,
            "max_batch_rows_buffer" => spec.max_batch_rows_buffer = count(scope, &name, &value)?,
            other if artifact.parameter(other).is_some() => parameters.set(name, value),
            // The server refuses it and says that there is no such parameter.
            other => {
                let text = value.to_text(scope).to_string();
                spec.parameters.insert(other.to_owned(), text);
            }
        }
    }
    spec.parameters.extend(encode(scope, &artifact, &parameters)?);
    Ok(spec)
}

/// Texts of those values that the artifact declares.
fn encode(scope: &Scope, artifact: &Artifact, values: &Dict) -> VqlResult<BTreeMap<String, String>> {
    let mut plain = Vec::new();
    for (name, value) in values.entries() {
        plain.push((name.to_string(), to_serde(scope, &value)?));
    }
    let pairs = plain.iter().map(|(name, value)| (name.as_str(), value));
    let encoded = encode_parameters(artifact, pairs).map_err(|error| error.to_string())?;
    for warning in &encoded.warnings {
        scope.log(Level::Warn, warning);
    }
    Ok(encoded.parameters.into_iter().collect())
}

/// A value as other crates know JSON.
pub(crate) fn to_serde(scope: &Scope, value: &Value) -> VqlResult<serde_json::Value> {
    let mut text = Vec::new();
    json::write_value(scope, value, &mut text);
    serde_json::from_slice(&text).map_err(|error| error.to_string().into())
}

/// A dict that was given as the value of `name`.
pub(crate) fn dict_of(scope: &Scope, name: &str, value: Value) -> VqlResult<Dict> {
    match value.reduce(scope) {
        Value::Null => Ok(Dict::new()),
        Value::Dict(dict) => Ok(dict),
        other => Err(format!("`{name}` must be a dict, not {}", other.type_name()).into()),
    }
}

/// A limit that counts something; zero means none.
pub(crate) fn limit_u64(name: &str, limit: i64) -> VqlResult<u64> {
    u64::try_from(limit).map_err(|_| negative(name, &limit.to_string()))
}

/// A limit that need not be whole; zero means none.
pub(crate) fn limit_f32(name: &str, limit: f64) -> VqlResult<f32> {
    #[expect(clippy::cast_possible_truncation, reason = "limits need few digits")]
    match limit >= 0.0 {
        true => Ok(limit as f32),
        false => Err(negative(name, &limit.to_string())),
    }
}

fn negative(name: &str, limit: &str) -> VqlError {
    format!("`{name}` {limit} is less than 0; 0 is no limit").into()
}

/// A number, which artifacts with text for parameters often give as text.
fn number(scope: &Scope, name: &Str, value: &Value) -> VqlResult<f64> {
    let given = value.as_f64();
    given
        .or_else(|| value.to_text(scope).to_string().trim().parse().ok())
        .ok_or_else(|| format!("`{name}` must be a number, not `{}`", value.to_text(scope)).into())
}

fn count(scope: &Scope, name: &Str, value: &Value) -> VqlResult<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "limits are small; parts are cut off"
    )]
    let whole = number(scope, name, value)? as i64;
    limit_u64(&name.to_string(), whole)
}
