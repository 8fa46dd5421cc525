//! The stored table, kept in memory by each replica.

use crate::artifacts::{CompileError, Limits, Spec};
use crate::push::{Change, announce};
use crate::shared::{Shared, topics};
use crate::users::{Permission, Principal};
use crate::{Error, Result, audit, clock};
use parking_lot::{Mutex, RwLock};
use peregrine_proto::VqlCollectorArgs;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Name of the setting that holds the table.
const SETTING: &str = "client_monitoring";

/// What runs where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MonitoringTable {
    /// When it was last changed (ns).
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) version: i64,
    /// On every client.
    pub(crate) artifacts: Vec<Spec>,
    /// On clients with a label.
    pub(crate) label_events: Vec<LabelGroup>,
}

fn is_zero(version: &i64) -> bool {
    *version == 0
}

/// Artifacts for clients with a label.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LabelGroup {
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) artifacts: Vec<Spec>,
}

impl MonitoringTable {
    /// Everything a client with these labels runs, each artifact once: the first mention wins.
    pub(crate) fn specs_for(&self, labels: &[String]) -> Vec<&Spec> {
        let has = |label: &str| {
            label.eq_ignore_ascii_case("all")
                || labels
                    .iter()
                    .any(|own| own.to_lowercase() == label.to_lowercase())
        };
        let groups = self.label_events.iter().filter(|group| has(&group.label));
        let mut specs: Vec<&Spec> = Vec::new();
        for spec in self
            .artifacts
            .iter()
            .chain(groups.flat_map(|group| &group.artifacts))
        {
            if !specs.iter().any(|known| known.artifact == spec.artifact) {
                specs.push(spec);
            }
        }
        specs
    }

    fn specs(&self) -> impl Iterator<Item = &Spec> {
        self.artifacts
            .iter()
            .chain(self.label_events.iter().flat_map(|group| &group.artifacts))
    }
}

/// The table in memory.
#[derive(Debug, Default)]
pub(crate) struct TableCache {
    table: RwLock<Arc<MonitoringTable>>,
    /// What was compiled for clients that run the same artifacts, so that a change costs one compilation, not one
    /// per client.
    compiled: Mutex<HashMap<Vec<String>, Arc<Vec<VqlCollectorArgs>>>>,
}

impl TableCache {
    /// Reads the stored table; the first time, stores the default one.
    pub(crate) async fn reload(&self, shared: &Shared) -> Result<()> {
        let database = &shared.storage.database;
        let table = match database.setting(SETTING).await? {
            Some(text) => serde_json::from_str(&text).map_err(|error| Error::Internal(error.to_string()))?,
            None => {
                let names = &shared.config.frontend.default_client_monitoring_artifacts;
                let artifacts = names
                    .iter()
                    .map(|name| Spec {
                        artifact: name.clone(),
                        parameters: Default::default(),
                    })
                    .collect();
                let table = MonitoringTable {
                    version: clock::now_ns(),
                    artifacts,
                    label_events: Vec::new(),
                };
                database.set_setting(SETTING, &to_text(&table)?).await?;
                table
            }
        };
        *self.table.write() = Arc::new(table);
        self.compiled.lock().clear();
        Ok(())
    }

    /// The requests for these artifacts of the current table.
    pub(super) fn compiled(
        &self,
        specs: &[&Spec],
        compile: impl FnOnce() -> Result<Vec<VqlCollectorArgs>>,
    ) -> Result<Arc<Vec<VqlCollectorArgs>>> {
        let key: Vec<String> = specs.iter().map(|spec| format!("{spec:?}")).collect();
        if let Some(found) = self.compiled.lock().get(&key) {
            return Ok(found.clone());
        }
        let made = Arc::new(compile()?);
        self.compiled.lock().insert(key, made.clone());
        Ok(made)
    }

    pub(crate) fn current(&self) -> Arc<MonitoringTable> {
        self.table.read().clone()
    }
}

/// The table as the API shows it.
pub(crate) fn get(shared: &Shared) -> MonitoringTable {
    MonitoringTable {
        version: 0,
        ..(*shared.monitoring.current()).clone()
    }
}

/// Checks and stores a new table, and tells agents.
pub(crate) async fn set(
    shared: &Shared,
    principal: &Principal,
    table: MonitoringTable,
) -> Result<MonitoringTable> {
    principal.authorize(Permission::CollectClient)?;
    for spec in table.specs() {
        check(shared, principal, spec)?;
    }
    let table = MonitoringTable {
        version: clock::now_ns(),
        ..table
    };
    shared
        .storage
        .database
        .set_setting(SETTING, &to_text(&table)?)
        .await?;
    let detail = json!({"artifacts": table.artifacts, "label_events": table.label_events});
    audit::record(
        shared,
        &principal.name,
        &principal.ip,
        "SetClientMonitoringState",
        detail,
    )
    .await?;
    shared.monitoring.reload(shared).await?;
    shared.storage.bus.publish(topics::MONITORING, "").await?;
    Ok(get(shared))
}

fn check(shared: &Shared, principal: &Principal, spec: &Spec) -> Result<()> {
    let fault = |message: String| CompileError {
        artifact: spec.artifact.clone(),
        parameter: None,
        message,
    };
    let Some(artifact) = shared.artifacts.get(&spec.artifact) else {
        return Err(fault(format!("no artifact `{}`", spec.artifact)).into());
    };
    if !artifact.r#type.eq_ignore_ascii_case("CLIENT_EVENT") {
        let message = format!(
            "`{}` is not of type CLIENT_EVENT, so it cannot run all the time",
            spec.artifact
        );
        return Err(fault(message).into());
    }
    for permission in artifact
        .required_permissions
        .iter()
        .filter_map(|name| Permission::from_name(name))
    {
        principal.authorize(permission)?;
    }
    shared
        .artifacts
        .compile(std::slice::from_ref(spec), &Limits::default())?;
    Ok(())
}

fn to_text(table: &MonitoringTable) -> Result<String> {
    serde_json::to_string(table).map_err(|error| Error::Internal(error.to_string()))
}

/// Says that a client's labels changed: its table may be another one now.
pub(crate) async fn labels_changed(shared: &Shared, client_id: &str) -> Result<()> {
    shared.storage.bus.publish(topics::TASKS, client_id).await?;
    announce(
        shared,
        &Change::Client {
            client_id: client_id.to_owned(),
        },
    )
    .await;
    Ok(())
}
