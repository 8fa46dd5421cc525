//! The tables of monitoring as queries give and get them: the reference's `ClientEventTable`, and the `ArtifactCollectorArgs`
//! of the server.

use std::collections::BTreeMap;

use peregrine_api::flows::ArtifactSpec;
use peregrine_api::monitoring::{LabelGroup, MonitoringTable, ServerMonitoring};
use peregrine_engine::prelude::*;
use peregrine_services::monitoring;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::specs::to_serde;
use crate::{Live, flow_records};

/// The group of every client.
pub(crate) const EVERYBODY: &str = "all";

/// The table as it is now.
pub(crate) fn current(live: &Live) -> VqlResult {
    let table = live.wait(async { monitoring::get(&live.core) })?;
    let groups = table.label_events.iter().map(|group| {
        Value::Dict(Dict::from_pairs([
            ("label", Value::from(group.label.as_str())),
            ("artifacts", show_artifacts(&group.artifacts)),
        ]))
    });
    Ok(Value::Dict(Dict::from_pairs([
        ("version", Value::Int(monitoring::version(&live.core))),
        ("artifacts", show_artifacts(&table.artifacts)),
        ("label_events", groups.collect::<Value>()),
    ])))
}

/// Artifacts and their parameters.
pub(crate) fn show_artifacts(artifacts: &[ArtifactSpec]) -> Value {
    let names = artifacts.iter().map(|spec| spec.artifact.as_str());
    let specs = artifacts.iter().map(|spec| {
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
    Value::Dict(Dict::from_pairs([
        ("artifacts", names.collect::<Value>()),
        ("specs", specs.collect::<Value>()),
    ]))
}

/// Reads a table: a dict, or JSON text.
pub(crate) fn parse(scope: &Scope, value: Value) -> VqlResult<MonitoringTable> {
    let given: GivenTable = read(scope, value)?;
    let groups = given.label_events.into_iter();
    Ok(MonitoringTable {
        artifacts: given.artifacts.unwrap_or_default().specs(),
        label_events: groups
            .map(|group| LabelGroup {
                label: group.label,
                artifacts: group.artifacts.unwrap_or_default().specs(),
            })
            .collect(),
    })
}

/// Reads what runs on the server: a dict, or JSON text.
pub(crate) fn parse_server(scope: &Scope, value: Value) -> VqlResult<ServerMonitoring> {
    let given: GivenArtifacts = read(scope, value)?;
    Ok(ServerMonitoring {
        artifacts: given.specs(),
    })
}

fn read<T: DeserializeOwned>(scope: &Scope, value: Value) -> VqlResult<T> {
    let given = match value.reduce(scope) {
        Value::Str(text) => serde_json::from_slice(text.as_ref()),
        value => serde_json::from_value(to_serde(scope, &value)?),
    };
    given.map_err(|error| format!("`value` is not a monitoring table: {error}").into())
}

/// Unknown members are refused: a misspelt `artifacts` would end all monitoring.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenTable {
    artifacts: Option<GivenArtifacts>,
    #[serde(default, deserialize_with = "list")]
    label_events: Vec<GivenGroup>,
    /// The server makes the version of the new table.
    #[serde(rename = "version", default)]
    _version: serde::de::IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenGroup {
    label: String,
    artifacts: Option<GivenArtifacts>,
}

/// What else a request may have does not apply here.
#[derive(Deserialize, Default)]
struct GivenArtifacts {
    #[serde(default, deserialize_with = "list")]
    artifacts: Vec<String>,
    #[serde(default, deserialize_with = "list")]
    specs: Vec<GivenSpec>,
}

#[derive(Deserialize)]
struct GivenSpec {
    artifact: String,
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
fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(source: D) -> Result<Vec<T>, D::Error> {
    let items = match serde_json::Value::deserialize(source)? {
        serde_json::Value::Null => Vec::new(),
        serde_json::Value::Array(items) => items,
        item => vec![item],
    };
    let items = items.into_iter().map(serde_json::from_value);
    items.collect::<Result<_, _>>().map_err(D::Error::custom)
}

impl GivenArtifacts {
    /// The artifacts named, each with its spec if there is one, and those that only have a spec.
    fn specs(self) -> Vec<ArtifactSpec> {
        let mut specs: BTreeMap<String, GivenSpec> = BTreeMap::new();
        let mut names = self.artifacts;
        for spec in self.specs {
            if !names.contains(&spec.artifact) {
                names.push(spec.artifact.clone());
            }
            specs.insert(spec.artifact.clone(), spec);
        }
        let made = names.iter().map(|name| match specs.remove(name) {
            Some(spec) => spec.into_api(),
            None => ArtifactSpec::of(name),
        });
        made.collect()
    }
}

impl GivenSpec {
    fn into_api(self) -> ArtifactSpec {
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
