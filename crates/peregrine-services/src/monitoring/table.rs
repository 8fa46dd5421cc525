//! The tables of monitoring: stored in the database; that of the clients is cached by each server.

use crate::Core;
use crate::changes::topics;
use crate::launch;
use crate::users::{Permission, Principal};
use crate::{Error, Result, audit, clock, events};
use data_encoding::BASE64;
use parking_lot::{Mutex, RwLock};
use peregrine_api::monitoring as api;
use peregrine_artifacts::resources::Limits;
use peregrine_artifacts::{Spec, Target};
use peregrine_proto::VqlCollectorArgs;
use peregrine_store::ClientId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// One of the two tables.
pub(super) struct Which {
    /// Name of the setting that holds it.
    setting: &'static str,
    target: Target,
    /// What it takes to change it, besides what its artifacts demand.
    permission: Permission,
    /// Name of a change in the audit log, and in `Server.Internal.ArtifactModification`.
    operation: &'static str,
    name: &'static str,
    /// Tells the servers of a change.
    topic: &'static str,
}

pub(super) const OF_CLIENTS: Which = Which {
    setting: "client_monitoring",
    target: Target::ClientEvents,
    permission: Permission::CollectClient,
    operation: "SetClientMonitoringState",
    name: "ClientEventTable",
    topic: topics::MONITORING,
};

/// Its artifacts run on the server; it has no groups.
pub(super) const OF_SERVER: Which = Which {
    setting: "server_monitoring",
    target: Target::ServerEvents,
    permission: Permission::CollectServer,
    operation: "SetServerMonitoringState",
    name: "ServerEventTable",
    topic: topics::SERVER_MONITORING,
};

/// The queue that tells of changed artifacts and tables.
const MODIFICATION: &str = "Server.Internal.ArtifactModification";

/// Which event artifacts run where.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct MonitoringTable {
    /// When it was last changed (ns).
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) version: i64,
    /// Run on every client.
    pub(super) artifacts: Vec<Spec>,
    /// Run on clients with a label.
    pub(super) label_events: Vec<LabelGroup>,
}

fn is_zero(version: &i64) -> bool {
    *version == 0
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct LabelGroup {
    pub(super) label: String,
    #[serde(default)]
    pub(super) artifacts: Vec<Spec>,
}

impl MonitoringTable {
    /// Everything a client with these labels runs, each artifact once: the first occurrence wins.
    pub(super) fn specs_for(&self, labels: &[String]) -> Vec<&Spec> {
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

    /// The artifacts of a group; `None` means those of every client.
    fn group(&self, label: Option<&str>) -> &[Spec] {
        match label {
            None => &self.artifacts,
            Some(label) => {
                let group = self.label_events.iter().find(|group| group.label == label);
                group.map_or(&[], |group| &group.artifacts)
            }
        }
    }

    /// The same table with the artifacts of each group changed.
    fn map(&self, change: impl Fn(Option<&str>, &[Spec]) -> Result<Vec<Spec>>) -> Result<MonitoringTable> {
        let group = |group: &LabelGroup| {
            Ok(LabelGroup {
                label: group.label.clone(),
                artifacts: change(Some(&group.label), &group.artifacts)?,
            })
        };
        Ok(MonitoringTable {
            version: self.version,
            artifacts: change(None, &self.artifacts)?,
            label_events: self.label_events.iter().map(group).collect::<Result<_>>()?,
        })
    }

    /// Converts a table of the API.
    fn wanted(table: &api::MonitoringTable) -> MonitoringTable {
        let group = |group: &api::LabelGroup| LabelGroup {
            label: group.label.clone(),
            artifacts: launch::specs(&group.artifacts),
        };
        MonitoringTable {
            version: 0,
            artifacts: launch::specs(&table.artifacts),
            label_events: table.label_events.iter().map(group).collect(),
        }
    }

    /// The table as the API shows it.
    pub(super) fn view(self) -> api::MonitoringTable {
        let group = |group: LabelGroup| api::LabelGroup {
            label: group.label,
            artifacts: launch::api_specs(group.artifacts),
        };
        api::MonitoringTable {
            artifacts: launch::api_specs(self.artifacts),
            label_events: self.label_events.into_iter().map(group).collect(),
        }
    }

    /// The table with the values of redacted parameters hidden.
    pub(super) fn redacted(&self, core: &Core) -> Result<MonitoringTable> {
        self.map(|_, specs| Ok(specs.iter().map(|spec| launch::redacted(core, spec)).collect()))
    }
}

/// The stored form: the table with secrets hidden and, if any are, the whole table again, sealed.
#[derive(Serialize)]
struct StoredTable {
    #[serde(flatten)]
    redacted: MonitoringTable,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
}

/// Read separately from the table: `flatten` cannot deserialize numbers when serde_json's `arbitrary_precision` is on, and any
/// crate of the program may turn it on.
#[derive(Deserialize)]
struct Sealed {
    #[serde(default)]
    sealed: Option<String>,
}

impl StoredTable {
    fn text(core: &Core, table: &MonitoringTable) -> Result<String> {
        let redacted = table.redacted(core)?;
        let sealed = match redacted == *table {
            true => None,
            false => Some(BASE64.encode(&core.vault.seal(to_text(table)?.as_bytes())?)),
        };
        to_text(&StoredTable { redacted, sealed })
    }

    fn read(core: &Core, text: &str) -> Result<MonitoringTable> {
        let bad =
            |error: &dyn std::fmt::Display| Error::Internal(format!("stored monitoring table: {error}"));
        let redacted: MonitoringTable = serde_json::from_str(text).map_err(|error| bad(&error))?;
        let stored: Sealed = serde_json::from_str(text).map_err(|error| bad(&error))?;
        let Some(sealed) = stored.sealed else {
            return Ok(redacted);
        };
        let opened = BASE64
            .decode(sealed.as_bytes())
            .map_err(|error| bad(&error))
            .and_then(|sealed| Ok(core.vault.open(&sealed)?));
        match opened {
            Ok(clear) => serde_json::from_slice(&clear).map_err(|error| bad(&error)),
            Err(error) => {
                // The key of the front end was replaced: hidden values are lost, the rest must keep working.
                tracing::error!(%error, "hidden values of the monitoring table are lost; enter them again");
                Ok(redacted)
            }
        }
    }
}

/// This server's copy of the table.
#[derive(Debug, Default)]
pub(crate) struct TableCache {
    table: RwLock<Arc<MonitoringTable>>,
    /// Compiled requests, shared by clients that run the same artifacts: a change costs one compilation, not one per client.
    compiled: Mutex<HashMap<Vec<String>, Arc<Vec<VqlCollectorArgs>>>>,
}

impl TableCache {
    /// Loads the stored table; stores the default one if there is none.
    pub(crate) async fn reload(&self, core: &Core) -> Result<()> {
        let table = load(core, &OF_CLIENTS, &core.settings.monitoring).await?;
        if *self.current() != table {
            *self.table.write() = Arc::new(table);
            self.compiled.lock().clear();
        }
        Ok(())
    }

    /// The requests for these artifacts of the current table.
    pub(super) async fn compiled(
        &self,
        specs: &[&Spec],
        compile: impl Future<Output = Vec<VqlCollectorArgs>>,
    ) -> Arc<Vec<VqlCollectorArgs>> {
        let key: Vec<String> = specs.iter().map(|spec| format!("{spec:?}")).collect();
        if let Some(found) = self.compiled.lock().get(&key) {
            return found.clone();
        }
        let made = Arc::new(compile.await);
        self.compiled.lock().insert(key, made.clone());
        made
    }

    pub(super) fn current(&self) -> Arc<MonitoringTable> {
        self.table.read().clone()
    }
}

/// Loads the table again: another server may have changed it.
pub async fn reload(core: &Core) -> Result<()> {
    core.monitoring.reload(core).await
}

/// The table as the API shows it.
pub fn get(core: &Core) -> Result<api::MonitoringTable> {
    Ok(core.monitoring.current().redacted(core)?.view())
}

/// The stored table; stores one with these artifacts if there is none.
pub(super) async fn load(core: &Core, which: &Which, artifacts: &[String]) -> Result<MonitoringTable> {
    if let Some((table, _)) = stored(core, which).await? {
        return Ok(table);
    }
    let table = MonitoringTable {
        version: clock::now_ns(),
        artifacts: artifacts.iter().map(|name| Spec::of(name)).collect(),
        label_events: Vec::new(),
    };
    if replace(core, which, None, &table).await? {
        return Ok(table);
    }
    // Another server started at the same time.
    let stored = stored(core, which).await?;
    Ok(stored.map(|(table, _)| table).unwrap_or_default())
}

/// The stored table, and its text, which [`replace`] compares.
async fn stored(core: &Core, which: &Which) -> Result<Option<(MonitoringTable, String)>> {
    let text = core.storage.database.setting(which.setting).await?;
    text.map(|text| Ok((StoredTable::read(core, &text)?, text)))
        .transpose()
}

/// Stores a table if the stored text is still `old`; false if somebody else changed it.
async fn replace(core: &Core, which: &Which, old: Option<&str>, table: &MonitoringTable) -> Result<bool> {
    let text = StoredTable::text(core, table)?;
    let database = &core.storage.database;
    Ok(database.replace_setting(which.setting, old, &text).await?)
}

/// When the table was last changed (ns).
pub fn version(core: &Core) -> i64 {
    core.monitoring.current().version
}

/// Checks and stores a new table, and has it sent to the agents.
pub async fn set(
    core: &Core,
    principal: &Principal,
    table: &api::MonitoringTable,
) -> Result<api::MonitoringTable> {
    let wanted = MonitoringTable::wanted(table);
    change(core, principal, &OF_CLIENTS, |_| Ok(wanted.clone())).await
}

/// Checks and stores what `make` makes of the stored table, and tells those who run it. `make` is called again if somebody else
/// changed the table meanwhile.
pub(super) async fn change(
    core: &Core,
    principal: &Principal,
    which: &Which,
    make: impl Fn(&MonitoringTable) -> Result<MonitoringTable> + Send + Sync,
) -> Result<api::MonitoringTable> {
    principal.authorize(which.permission)?;
    let table = loop {
        // Read from the database, not from memory: somebody may just have changed it on another server.
        let (old, text) = stored(core, which).await?.unzip();
        let old = old.unwrap_or_default();
        let table = make(&old)?.map(|label, specs| {
            let mut resolved = launch::find(core, specs, false, which.target)?;
            resolved.restore(old.group(label));
            let authorized = resolved.authorize(principal)?;
            authorized.preview(core, &Limits::default())?;
            Ok(authorized.in_clear())
        })?;
        let table = MonitoringTable {
            // Always grows, even if the servers' clocks disagree.
            version: clock::now_ns().max(old.version.saturating_add(1)),
            ..table
        };
        if replace(core, which, text.as_deref(), &table).await? {
            break table;
        }
    };
    let shown = table.redacted(core)?.view();
    let (name, ip) = (&principal.name, &principal.ip);
    audit::record(core, name, ip, which.operation, json!(shown)).await?;
    if which.target == Target::ClientEvents {
        core.monitoring.reload(core).await?;
    }
    core.storage.bus.publish(which.topic, "").await?;
    let told = json!({"setter": "", "principal": name, "artifact": which.name, "op": "set"});
    events::tell(core, MODIFICATION, &ClientId::server(), told).await;
    Ok(shown)
}

fn to_text(table: &impl Serialize) -> Result<String> {
    serde_json::to_string(table).map_err(|error| Error::Internal(error.to_string()))
}
