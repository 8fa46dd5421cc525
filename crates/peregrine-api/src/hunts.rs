//! Hunts: collections from all clients that match a condition.

use crate::flows::{CollectRequest, FlowLimits, FlowState};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Body of `POST hunts`: a new hunt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct NewHunt {
    /// What it is for.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Which clients join.
    pub condition: HuntCondition,
    /// Stop when this many clients have joined; 0 for no limit.
    pub client_limit: u64,
    /// When it stops by itself; by default after a week, or as the server is configured.
    #[cfg_attr(test, ts(optional))]
    pub expires: Option<String>,
    /// Start it at once; otherwise it is paused.
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub start: bool,
    /// What to collect.
    pub request: CollectRequest,
}

/// Which clients join a hunt. Everything that is given must hold: a label never adds machines that the operating system rules
/// out, and an excluded label always keeps a machine out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct HuntCondition {
    /// The client has one of these labels; empty for any client.
    pub labels: Vec<String>,
    /// The client has none of these labels.
    pub excluded_labels: Vec<String>,
    /// The client has this operating system. One whose system is not known yet joins when it is.
    pub os: Option<HuntOs>,
}

/// Operating systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "lowercase")]
pub enum HuntOs {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    Darwin,
}

impl HuntOs {
    /// The name in JSON, which is also the one that agents report.
    pub fn name(self) -> &'static str {
        match self {
            HuntOs::Linux => "linux",
            HuntOs::Windows => "windows",
            HuntOs::Darwin => "darwin",
        }
    }
}

/// State of a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum HuntState {
    /// It was never started.
    Paused,
    /// Clients that match join.
    Running,
    /// No further clients join.
    Stopped,
    /// It was stopped, and lists leave it out unless asked for.
    Archived,
}

/// Answer of `POST hunts` and `POST hunts/{hunt_id}/copy`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntCreated {
    /// Id of the new hunt.
    pub hunt_id: String,
}

/// Body of `PATCH hunts/{hunt_id}`: a change; members that are left out stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct HuntChange {
    /// Start, stop or archive it.
    pub action: Option<HuntAction>,
    /// The new description.
    pub description: Option<String>,
    /// The new tags; `["-"]` or an empty list removes all.
    pub tags: Option<Vec<String>>,
    /// When it stops by itself.
    pub expires: Option<String>,
    /// Stop when this many clients have joined; 0 for no limit.
    pub client_limit: Option<u64>,
}

/// What to do with a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum HuntAction {
    /// Clients that match join from now on, also those that are connected already.
    Start,
    /// No further clients join. What runs goes on.
    Stop,
    /// Stop it, and leave it out of lists.
    Archive,
}

/// Body of `POST hunts/{hunt_id}/stop`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct HuntStop {
    /// Also end its collections: those that wait are never sent, those that run are stopped.
    pub cancel: bool,
}

/// Body of `POST hunts/{hunt_id}/clients`: a client that takes part whatever the condition, the limit and the state of the hunt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct NewHuntClient {
    /// The client.
    pub client_id: String,
    /// A collection of the client that becomes the one with which it takes part; otherwise it is collected from.
    #[serde(default)]
    #[cfg_attr(test, ts(optional))]
    pub flow_id: Option<String>,
    /// Collect again from a client that takes part already.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub relaunch: bool,
}

/// Answer of `POST hunts/{hunt_id}/clients`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntClientAdded {
    /// The collection with which the client takes part.
    pub flow_id: String,
}

/// Query string of `GET hunts`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct HuntsQuery {
    /// Text in id, description, creator, tags or artifacts.
    pub search: Option<String>,
    /// `paused`, `running`, `stopped`, `archived` or `all`; by default all that are not archived.
    pub state: Option<String>,
    /// `created`, `started`, `expires`, `description`, `creator`, `state` or `clients`.
    pub sort: Option<String>,
    /// Sort in descending order, unless the value is `false`. Without `sort`, the newest come first.
    pub desc: Option<String>,
    /// How many to skip.
    pub offset: Option<u64>,
    /// How many to return: 100 by default, at most 1000.
    pub limit: Option<u64>,
}

/// Answer of `GET hunts`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntPage {
    /// How many match.
    pub total: u64,
    /// This page of them.
    pub hunts: Vec<Hunt>,
}

/// Summary of a hunt; also pushed as event `hunt`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hunt {
    /// `H.` and 13 characters.
    pub hunt_id: String,
    /// Its state.
    pub state: HuntState,
    /// Why it stopped by itself.
    pub stop_reason: Option<String>,
    /// What it is for.
    pub description: String,
    /// The user who made it.
    pub creator: String,
    /// Words to find it by, sorted.
    pub tags: Vec<String>,
    /// When it was made.
    pub created: String,
    /// When it was last started.
    pub started: Option<String>,
    /// When it stops by itself.
    pub expires: String,
    /// Which clients join.
    pub condition: HuntCondition,
    /// It stops when this many clients have joined; 0 for no limit.
    pub client_limit: u64,
    /// Names of the artifacts it collects.
    pub artifacts: Vec<String>,
    /// Tables its collections can have.
    pub sources: Vec<String>,
    /// Whether its collections go ahead of others.
    pub urgent: bool,
    /// What became of its collections, a moment ago.
    pub totals: HuntTotals,
}

/// What became of a hunt's collections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntTotals {
    /// Clients that take part.
    pub scheduled: u64,
    /// Collections that no machine has taken yet.
    pub waiting: u64,
    /// Collections that were handed to a machine and have not ended.
    pub running: u64,
    /// Collections that ended successfully.
    pub finished: u64,
    /// Collections that failed.
    pub errors: u64,
    /// Collections that a user cancelled.
    pub cancelled: u64,
    /// Clients whose collection was deleted.
    pub deleted: u64,
    /// Collections with rows or files.
    pub with_results: u64,
    /// Rows of all collections.
    pub rows: u64,
    /// Files of all collections.
    pub uploaded_files: u64,
    /// Bytes of those files.
    pub uploaded_bytes: u64,
}

/// Answer of `GET hunts/{hunt_id}`: everything about a hunt.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntDetail {
    /// The summary; its members are part of this object.
    #[serde(flatten)]
    pub hunt: Hunt,
    /// Limits in force for each collection.
    pub limits: FlowLimits,
    /// The [`CollectRequest`] it was made from, with secret values masked.
    #[cfg_attr(test, ts(type = "Partial<CollectRequest> | null"))]
    pub request: Value,
}

/// Query string of `GET hunts/{hunt_id}/clients`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct HuntClientsQuery {
    /// Text in client id or host name.
    pub search: Option<String>,
    /// Only those whose collection is in this state: one of [`FlowState`], or `deleted`.
    pub state: Option<String>,
    /// `joined`, `hostname`, `state`, `rows`, `uploaded_bytes` or `duration`.
    pub sort: Option<String>,
    /// Sort in descending order, unless the value is `false`.
    pub desc: Option<String>,
    /// How many to skip.
    pub offset: Option<u64>,
    /// How many to return: 100 by default, at most 1000.
    pub limit: Option<u64>,
}

/// Answer of `GET hunts/{hunt_id}/clients`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntClientPage {
    /// How many match.
    pub total: u64,
    /// This page of them.
    pub clients: Vec<HuntClient>,
}

/// A client of a hunt.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntClient {
    /// Its id.
    pub client_id: String,
    /// Its host name.
    pub hostname: String,
    /// Its fully qualified name.
    pub fqdn: String,
    /// Whether it is connected.
    pub online: bool,
    /// When it joined.
    pub joined: String,
    /// Its collection.
    pub flow_id: String,
    /// State of the collection; null if it was deleted.
    pub state: Option<FlowState>,
    /// Why there is no answer, if the collection has not ended.
    pub waits: Option<HuntWait>,
    /// Why the collection failed, or who cancelled it.
    pub status: Option<String>,
    /// When the machine started it.
    pub started: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Time the machine spent on it.
    pub duration_ms: i64,
    /// Rows stored so far.
    pub rows: u64,
    /// Files stored so far.
    pub uploaded_files: u64,
    /// Bytes of those files.
    pub uploaded_bytes: u64,
}

/// Why a client has not answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntWait {
    /// The reason.
    pub reason: HuntWaitReason,
    /// Since when.
    pub since: String,
}

/// Reasons for which a client has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum HuntWaitReason {
    /// The machine is not connected; it gets the collection when it is.
    Offline,
    /// The machine is connected and has not taken the collection; perhaps it works on others first.
    NotDelivered,
    /// The machine has taken the collection and not said anything about it yet.
    NoAnswer,
    /// The machine has stopped reporting about the collection.
    Silent,
}

/// Answer of `POST hunts/estimate`, whose body is a [`HuntCondition`]: how many clients match it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntEstimate {
    /// All known clients that match.
    pub clients: u64,
    /// Those that are connected now.
    pub online: u64,
}

/// Answer of `DELETE hunts/{hunt_id}`: what was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntDeleted {
    /// Clients that took part.
    pub clients: u64,
    /// Collections that the hunt had started. Collections that were added to it by hand stay.
    pub flows: u64,
    /// Rows of those collections.
    pub rows: u64,
    /// Files of those collections.
    pub uploaded_files: u64,
    /// Bytes of those files.
    pub uploaded_bytes: u64,
}

/// Answer of `GET hunts/{hunt_id}/sources`: the tables of a hunt.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntSources {
    /// Those that can have rows, in the order of the artifacts, and others that have some.
    pub sources: Vec<HuntSource>,
}

/// A table over all clients of a hunt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HuntSource {
    /// `Artifact/Source`.
    pub name: String,
    /// Clients that have rows of it.
    pub clients: u64,
    /// Rows so far.
    pub rows: u64,
}
