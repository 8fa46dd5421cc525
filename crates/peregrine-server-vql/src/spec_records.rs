//! Artifacts with their parameters as queries give and get them: the reference's `ArtifactSpec`.

use peregrine_api::flows::ArtifactSpec;
use peregrine_engine::prelude::*;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::flow_records;
use crate::specs::to_serde;

pub(crate) fn show(specs: &[ArtifactSpec]) -> Value {
    let specs = specs.iter().map(|spec| {
        let parameters = spec
            .parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let shown = flow_records::spec(&spec.artifact, parameters);
        if spec.cpu_limit > 0.0 {
            shown.set("cpu_limit", spec.cpu_limit);
        }
        for (name, limit) in [
            ("timeout", spec.timeout),
            ("max_batch_wait", spec.max_batch_wait),
            ("max_batch_rows", spec.max_batch_rows),
            ("max_batch_rows_buffer", spec.max_batch_rows_buffer),
        ] {
            if limit > 0 {
                shown.set(name, limit);
            }
        }
        Value::Dict(shown)
    });
    specs.collect()
}

/// Reads what was given as the argument `name`: a list, one of them, or JSON text of these.
pub(crate) fn parse(scope: &Scope, name: &str, value: Value) -> VqlResult<Vec<ArtifactSpec>> {
    let given = match value.reduce(scope) {
        Value::Str(text) => serde_json::from_slice(text.as_ref()).map_err(|error| error.to_string()),
        value => Ok(to_serde(scope, &value)?),
    };
    let given: Result<Vec<GivenSpec>, String> =
        given.and_then(|given| list(given).map_err(|error| error.to_string()));
    let specs =
        given.map_err(|error| format!("`{name}` are not artifacts with their parameters: {error}"))?;
    Ok(specs.into_iter().map(GivenSpec::into_api).collect())
}

#[derive(Deserialize)]
pub(crate) struct GivenSpec {
    pub(crate) artifact: String,
    parameters: Option<GivenParameters>,
    #[serde(default)]
    cpu_limit: f32,
    #[serde(default)]
    timeout: u64,
    #[serde(default)]
    max_batch_wait: u64,
    #[serde(default)]
    max_batch_rows: u64,
    #[serde(default)]
    max_batch_rows_buffer: u64,
}

#[derive(Deserialize)]
struct GivenParameters {
    #[serde(default, deserialize_with = "list")]
    env: Vec<GivenParameter>,
}

#[derive(Deserialize)]
struct GivenParameter {
    key: String,
    #[serde(default)]
    value: String,
}

/// A list; in VQL one of a single element is often that element, and one of none NULL.
pub(crate) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(source: D) -> Result<Vec<T>, D::Error> {
    let items = match serde_json::Value::deserialize(source)? {
        serde_json::Value::Null => Vec::new(),
        serde_json::Value::Array(items) => items,
        item => vec![item],
    };
    let items = items.into_iter().map(serde_json::from_value);
    items.collect::<Result<_, _>>().map_err(D::Error::custom)
}

impl GivenSpec {
    pub(crate) fn into_api(self) -> ArtifactSpec {
        let parameters = self.parameters.map(|parameters| parameters.env);
        let parameters = parameters.unwrap_or_default().into_iter();
        ArtifactSpec {
            artifact: self.artifact,
            parameters: parameters
                .map(|parameter| (parameter.key, parameter.value))
                .collect(),
            cpu_limit: self.cpu_limit,
            timeout: self.timeout,
            max_batch_wait: self.max_batch_wait,
            max_batch_rows: self.max_batch_rows,
            max_batch_rows_buffer: self.max_batch_rows_buffer,
        }
    }
}
