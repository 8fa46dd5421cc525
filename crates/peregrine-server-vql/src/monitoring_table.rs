//! The tables of monitoring as queries give and get them: the reference's `ClientEventTable`, and the `ArtifactCollectorArgs`
//! of the server.

use std::collections::BTreeMap;

use peregrine_api::flows::ArtifactSpec;
use peregrine_api::monitoring::{LabelGroup, MonitoringTable, ServerMonitoring};
use peregrine_engine::prelude::*;
use peregrine_services::monitoring;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Live;
use crate::spec_records::{self, GivenSpec, list};
use crate::specs::to_serde;

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
    Value::Dict(Dict::from_pairs([
        ("artifacts", names.collect::<Value>()),
        ("specs", spec_records::show(artifacts)),
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
