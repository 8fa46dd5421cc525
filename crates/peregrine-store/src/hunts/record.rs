//! Hunts and their clients as the database keeps them.

use crate::flows::Flow;
use crate::model::Micros;
use crate::rows::SetId;
use peregrine_base::{ClientId, FlowId, HuntId};
use serde::{Deserialize, Serialize};

/// State of a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HuntState {
    /// It was never started.
    Paused,
    /// Clients that match join.
    Running,
    /// No further clients join; collections that were started go on.
    Stopped,
    /// Stopped, and put aside.
    Archived,
}

/// Which clients take part. All that is given must hold. The reference ignores labels when an operating system is given, which
/// would reach machines that the user excluded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HuntCondition {
    /// The client has one of these labels, if any are given.
    pub labels: Vec<String>,
    /// The client has none of these labels.
    pub excluded_labels: Vec<String>,
    /// Its operating system, as agents report it: `linux`, `windows` or `darwin`. A client whose system is not known yet does not
    /// match.
    pub os: Option<String>,
}

/// What became of a hunt's collections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HuntTotals {
    /// Clients that take part.
    pub scheduled: u64,
    /// Running collections that no agent has taken yet.
    pub waiting: u64,
    /// Running collections that were handed to an agent.
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

/// A hunt.
#[derive(Debug, Clone, PartialEq)]
pub struct Hunt {
    /// `H.` and 13 characters.
    pub hunt_id: HuntId,
    /// Its state.
    pub state: HuntState,
    /// Why it is stopped, unless a user stopped it.
    pub stop_reason: Option<String>,
    /// What it is for.
    pub description: String,
    /// The user who made it.
    pub creator: String,
    /// Words to find it by, sorted.
    pub tags: Vec<String>,
    /// When it was made.
    pub created: Micros,
    /// When it was last started.
    pub started: Option<Micros>,
    /// When it stops by itself.
    pub expires: Micros,
    /// Which clients join.
    pub condition: HuntCondition,
    /// It stops when this many clients have joined; 0 for no limit.
    pub client_limit: u64,
    /// The request as the user made it, without its secrets (JSON), as collections keep it.
    pub request: String,
    /// Names of the artifacts.
    pub artifacts: Vec<String>,
    /// Tables that its collections can have: `Artifact/Source`.
    pub sources: Vec<String>,
    /// Its collections go ahead of others.
    pub urgent: bool,
    /// Grows with every change that a user makes (ns).
    pub version: i64,
    /// Clients that have joined, including any that were deleted since.
    pub joined: u64,
    /// What became of its collections when they were last counted.
    pub totals: HuntTotals,
}

/// What a hunt sends to its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuntPayload {
    /// The serialized message; the session it names is [`HuntId::flow_id`].
    pub task: Vec<u8>,
    /// The request with its secrets, sealed; `None` if it has none.
    pub sealed: Option<Vec<u8>>,
}

/// A hunt that clients may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningHunt {
    /// Its id.
    pub hunt_id: HuntId,
    /// When it stops by itself.
    pub expires: Micros,
}

/// Order of a list of hunts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HuntSort {
    /// By creation.
    #[default]
    Created,
    /// By the last start.
    Started,
    /// By expiry.
    Expires,
    /// By description.
    Description,
    /// By user.
    Creator,
    /// By state.
    State,
    /// By the number of clients that have joined.
    Joined,
}

/// Query for a list of hunts.
#[derive(Debug, Clone, Default)]
pub struct HuntQuery {
    /// Id, description, creator, tag or artifact contains this text.
    pub search: Option<String>,
    /// Only hunts in one of these states; empty for all.
    pub states: Vec<HuntState>,
    /// Order.
    pub sort: HuntSort,
    /// Reverse order.
    pub descending: bool,
    /// Hunts to skip.
    pub offset: u64,
    /// Most hunts to return.
    pub limit: u64,
}

/// A change of a hunt by a user; `None` keeps what is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HuntChange {
    /// The new state. Running means that it is started again.
    pub state: Option<HuntState>,
    /// The new description.
    pub description: Option<String>,
    /// The new tags.
    pub tags: Option<Vec<String>>,
    /// The new expiry.
    pub expires: Option<Micros>,
    /// The new limit.
    pub client_limit: Option<u64>,
}

/// Which clients to examine for a hunt.
#[derive(Debug, Clone)]
pub enum Candidates {
    /// Those connected to this server, after this one in the order of ids.
    ConnectedTo {
        /// The server.
        server_id: String,
        /// Where the page begins.
        after: Option<ClientId>,
        /// Most clients to return.
        limit: u64,
    },
    /// Those of these that are connected to this server.
    Among {
        /// The server.
        server_id: String,
        /// The clients.
        clients: Vec<ClientId>,
    },
}

/// Why clients join a hunt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// They match. Possible only while the hunt runs, until it expires or has enough clients.
    ByCondition,
    /// A user added them, whatever the condition, the limit and the state.
    ByHand,
}

/// What [`join_hunt`](crate::HuntStore::join_hunt) did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The clients that joined by it; others had joined before, or may not join.
    pub clients: Vec<ClientId>,
    /// The hunt's state now: it stops when it has enough clients.
    pub state: HuntState,
}

/// What [`attach_flow`](crate::HuntStore::attach_flow) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// The client takes part with this collection now.
    Done,
    /// It already did.
    Already,
    /// Its collection for the hunt has not ended.
    StillRuns,
}

/// What matches a condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Matching {
    /// All known clients that match.
    pub clients: u64,
    /// Those that are connected to any server.
    pub online: u64,
}

/// State of a hunt's collection on a client. The three of a running one depend on the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// The agent has not taken it, or not said anything about it yet.
    Waiting,
    /// The agent works on it.
    InProgress,
    /// The agent has been silent about it for a while.
    Unresponsive,
    /// It ended successfully.
    Finished,
    /// It failed.
    Error,
    /// A user cancelled it.
    Cancelled,
    /// It was deleted.
    Deleted,
}

/// Order of a list of a hunt's clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberSort {
    /// By the time at which they joined.
    #[default]
    Joined,
    /// By host name.
    Hostname,
    /// By state.
    State,
    /// By rows.
    Rows,
    /// By bytes uploaded.
    UploadedBytes,
    /// By the time they took.
    Duration,
}

/// Query for a list of a hunt's clients.
#[derive(Debug, Clone)]
pub struct MemberQuery {
    /// The hunt.
    pub hunt_id: HuntId,
    /// Only this client.
    pub client_id: Option<ClientId>,
    /// Client id or host name contains this text.
    pub search: Option<String>,
    /// Only those whose collection is in this state.
    pub state: Option<MemberState>,
    /// Running collections not heard of since this time are unresponsive.
    pub silent_since: Micros,
    /// Order.
    pub sort: MemberSort,
    /// Reverse order.
    pub descending: bool,
    /// Clients to skip.
    pub offset: u64,
    /// Most clients to return.
    pub limit: u64,
}

/// A client of a hunt.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The client.
    pub client_id: ClientId,
    /// Its host name.
    pub hostname: String,
    /// Its fully qualified name.
    pub fqdn: String,
    /// Whether it is connected to any server.
    pub is_online: bool,
    /// When a server last heard from it.
    pub last_seen: Micros,
    /// When it joined.
    pub joined: Micros,
    /// Its collection.
    pub flow_id: FlowId,
    /// The collection, without artifacts, request and states of queries; `None` if it was deleted.
    pub flow: Option<Flow>,
}

/// A collection that a hunt started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedFlow {
    /// The client.
    pub client_id: ClientId,
    /// The collection.
    pub flow_id: FlowId,
    /// Whether it has not ended.
    pub is_running: bool,
    /// Rows stored.
    pub rows: u64,
    /// Files stored.
    pub uploaded_files: u64,
    /// Bytes of those files.
    pub uploaded_bytes: u64,
}

/// Some clients of a hunt, and the collections it started on them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartedPage {
    /// The clients, in the order of ids.
    pub clients: Vec<ClientId>,
    /// Their collections. A client may have several, or none.
    pub flows: Vec<StartedFlow>,
}

/// A table over all clients of a hunt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuntSource {
    /// `Artifact/Source`.
    pub name: String,
    /// Clients that have rows of it.
    pub clients: u64,
    /// All rows.
    pub rows: u64,
}

/// Rows of one client of a hunt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HuntSet {
    /// Their sequence.
    pub set: SetId,
    /// Number of the first row that is not deleted.
    pub first_row: u64,
    /// One past the last row.
    pub end_row: u64,
    /// The client.
    pub client_id: ClientId,
    /// The collection.
    pub flow_id: FlowId,
}
