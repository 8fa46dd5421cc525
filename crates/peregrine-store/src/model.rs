//! The records the database keeps. Times are microseconds since the epoch, UTC.

use crate::chunk::Chunk;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

/// A page of a longer list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// How many match, exactly.
    pub total: u64,
    /// The part asked for.
    pub items: Vec<T>,
}

/// What interrogation and the agent itself tell about an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientFacts {
    /// Host name without domain.
    pub hostname: String,
    /// Fully qualified name.
    pub fqdn: String,
    /// `linux`, `windows` or `darwin`.
    pub os: String,
    /// Distribution or product and its version.
    pub release: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// Name the agent gives itself.
    pub agent_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Build time of the agent, as it states it.
    pub build_time: String,
    /// Where the agent's build came from.
    pub build_url: String,
    /// Network addresses of the endpoint.
    pub addresses: Vec<String>,
    /// Hardware addresses of the endpoint.
    pub mac_addresses: Vec<String>,
}

/// An endpoint.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Client {
    /// `C.` and 16 hex digits.
    pub client_id: String,
    /// What is known about the machine.
    pub facts: ClientFacts,
    /// Labels as given, in order of their folded form.
    pub labels: Vec<String>,
    /// Address of the last request.
    pub last_ip: String,
    /// When its key was first stored.
    pub first_seen: Micros,
    /// When it last spoke to a server.
    pub last_seen: Micros,
    /// The last collection that filled `facts`.
    pub last_interrogate_flow_id: Option<String>,
    /// Version of the monitoring table last sent (ns).
    pub event_table_version: i64,
    /// When its labels last changed (ns, comparable with `event_table_version`).
    pub labels_changed: i64,
    /// Free key/value notes.
    pub metadata: BTreeMap<String, String>,
}

/// Which clients to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ClientFilter {
    /// Every client.
    #[default]
    All,
    /// Id, host name or address contains the text.
    Any(String),
    /// Host name or FQDN matches the pattern (`*` glob, end open).
    Host(String),
    /// Has a label that matches the pattern.
    Label(String),
    /// Has no label.
    NoLabels,
    /// An address matches the pattern.
    Ip(String),
    /// A hardware address matches the pattern.
    Mac(String),
    /// The id matches the pattern.
    Id(String),
    /// Metadata key and pattern of its value.
    Metadata(String, String),
}

/// Order of a client list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientSort {
    /// By host name.
    #[default]
    Hostname,
    /// By last contact.
    LastSeen,
    /// By first contact.
    FirstSeen,
    /// By operating system.
    Os,
}

/// A question about clients.
#[derive(Debug, Clone, Default)]
pub struct ClientQuery {
    /// What to list.
    pub filter: ClientFilter,
    /// Keep only those in (true) or not in (false) the given set of ids.
    pub among: Option<(bool, Vec<String>)>,
    /// Order.
    pub sort: ClientSort,
    /// Reverse order.
    pub descending: bool,
    /// Rows to skip.
    pub offset: u64,
    /// Rows to give.
    pub limit: u64,
}

/// A sign of life.
#[derive(Debug, Clone)]
pub struct Touch {
    /// Who.
    pub client_id: String,
    /// When.
    pub at: Micros,
    /// From where; empty keeps the stored address.
    pub ip: String,
}

/// Stored state of a collection. Display states are derived by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowState {
    /// Scheduled or running.
    Running,
    /// Ended well.
    Finished,
    /// Ended with an error.
    Error,
    /// Somebody stopped it.
    Cancelled,
}

/// A collection from one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Whose.
    pub client_id: String,
    /// `F.` and 13 characters.
    pub flow_id: String,
    /// Stored state.
    pub state: FlowState,
    /// Message that explains an error state.
    pub status: Option<String>,
    /// User who asked.
    pub creator: String,
    /// When it was asked.
    pub created: Micros,
    /// When it was handed to the agent; none while it waits.
    pub delivered: Option<Micros>,
    /// First activity the agent reported.
    pub started: Option<Micros>,
    /// Last activity the agent reported.
    pub last_active: Option<Micros>,
    /// When the server last heard about it.
    pub heard: Option<Micros>,
    /// When it reached its final state.
    pub finished: Option<Micros>,
    /// Longest query time (ns).
    pub duration_ns: i64,
    /// Rows stored.
    pub rows: u64,
    /// Log lines stored.
    pub logs: u64,
    /// Files stored completely.
    pub uploaded_files: u64,
    /// Bytes of files stored.
    pub uploaded_bytes: u64,
    /// Names of the artifacts asked for.
    pub artifacts: Vec<String>,
    /// Jumps the queue.
    pub urgent: bool,
    /// The request as it was typed (JSON).
    pub request: String,
    /// The last `query_status` list the agent sent (JSON).
    pub query_stats: String,
}

impl Flow {
    /// One of which nothing is known yet: it runs, for nobody and with an empty request.
    pub fn new(client_id: impl Into<String>, flow_id: impl Into<String>) -> Flow {
        Flow {
            client_id: client_id.into(),
            flow_id: flow_id.into(),
            state: FlowState::Running,
            status: None,
            creator: String::new(),
            created: 0,
            delivered: None,
            started: None,
            last_active: None,
            heard: None,
            finished: None,
            duration_ns: 0,
            rows: 0,
            logs: 0,
            uploaded_files: 0,
            uploaded_bytes: 0,
            artifacts: Vec::new(),
            urgent: false,
            request: "{}".into(),
            query_stats: "[]".into(),
        }
    }
}

/// A task for an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Flow it belongs to; empty for none.
    pub flow_id: String,
    /// Counts against the in-flight limit and marks its flow delivered.
    pub is_flow_request: bool,
    /// Ignores the in-flight limit.
    pub urgent: bool,
    /// The serialized message.
    pub message: Vec<u8>,
}

/// A client asks for work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Poll {
    /// When.
    pub now: Micros,
    /// Flows it may work on at once; requests beyond stay in the queue.
    pub max_in_flight: u64,
    /// Flows not heard of since then, and not asked about since, are asked about; none asks about none.
    pub silent_since: Option<Micros>,
}

/// What there is for a client that asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Who asks.
    pub client: Client,
    /// Taken out of the queue, in order; their flows are delivered.
    pub tasks: Vec<Task>,
    /// Running, delivered flows it is to be asked about; they count as asked.
    pub silent: Vec<String>,
}

/// Order of a flow list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlowSort {
    /// By creation.
    #[default]
    Created,
    /// By last activity.
    LastActive,
    /// By rows.
    Rows,
    /// By names of artifacts.
    Artifacts,
    /// By state.
    State,
    /// By user.
    Creator,
}

/// A question about flows.
#[derive(Debug, Clone, Default)]
pub struct FlowQuery {
    /// Only this client's.
    pub client_id: Option<String>,
    /// Id, artifact or creator contains this text.
    pub search: Option<String>,
    /// Stored state.
    pub state: Option<FlowState>,
    /// Order.
    pub sort: FlowSort,
    /// Reverse order.
    pub descending: bool,
    /// Rows to skip.
    pub offset: u64,
    /// Rows to give.
    pub limit: u64,
}

/// What an agent reported about a flow as a whole, already rolled up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// New `query_status` list (JSON); none keeps the stored one.
    pub query_stats: Option<String>,
    /// Earliest activity.
    pub started: Option<Micros>,
    /// Latest activity.
    pub last_active: Option<Micros>,
    /// Longest query time (ns).
    pub duration_ns: i64,
    /// Final state and message, once there is one.
    pub end: Option<(FlowState, Option<String>)>,
    /// Why it failed so far, although queries still run.
    pub trouble: Option<String>,
}

/// A stored file of a flow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Upload {
    /// Object key.
    pub object: String,
    /// Path on the endpoint.
    pub vfs_path: String,
    /// Accessor it was read with.
    pub accessor: String,
    /// Path components on the endpoint.
    pub components: Vec<String>,
    /// Logical size.
    pub file_size: u64,
    /// Stored size.
    pub uploaded_size: u64,
    /// Index of a sparse file (JSON), empty for none.
    pub index: String,
    /// When the last byte arrived.
    pub finished: Micros,
}

/// One consequence of an agent's packet. A packet's effects are applied together or not at all.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Rows of a collection.
    Rows {
        /// Flow, without child part.
        flow_id: String,
        /// `Artifact/Source`.
        source: String,
        /// Number the agent gives the first row; none appends without a check.
        start_row: Option<u64>,
        /// The rows.
        chunk: Chunk,
    },
    /// Log lines of a collection.
    Logs {
        /// Flow, without child part.
        flow_id: String,
        /// Number the agent gives the first line; none appends without a check.
        start_row: Option<u64>,
        /// The lines as rows.
        chunk: Chunk,
    },
    /// State of a collection.
    Progress {
        /// Flow, without child part.
        flow_id: String,
        /// Rolled up report.
        progress: Progress,
    },
    /// A file was stored completely.
    Upload {
        /// Flow, without child part.
        flow_id: String,
        /// The file.
        upload: Upload,
    },
    /// The first piece of a file was stored; a flow that ends before the last one is incomplete.
    UploadBegun {
        /// Flow, without child part.
        flow_id: String,
        /// Object key.
        object: String,
        /// Path on the endpoint.
        vfs_path: String,
    },
    /// Something of a collection came and could not be kept.
    Loss {
        /// Flow, without child part.
        flow_id: String,
        /// What is missing, for people.
        what: String,
    },
    /// Event rows or event log lines.
    Events {
        /// `Artifact/Source`.
        source: String,
        /// Result kind: [`SetKind::Events`] or [`SetKind::EventLogs`].
        kind: SetKind,
        /// Identity of the message, so that a repeat has no effect.
        digest: [u8; 16],
        /// When the server received it.
        at: Micros,
        /// The rows.
        chunk: Chunk,
    },
    /// New facts about the client.
    Facts {
        /// The facts; empty strings and lists keep what is stored.
        facts: Box<ClientFacts>,
        /// Labels to add.
        labels: Vec<String>,
        /// Flow that brought them, for an interrogation.
        flow_id: Option<String>,
        /// Now.
        at: Micros,
    },
}

impl Effect {
    /// The collection it is about; none for events and facts.
    pub fn flow_id(&self) -> Option<&str> {
        match self {
            Effect::Rows { flow_id, .. }
            | Effect::Logs { flow_id, .. }
            | Effect::Progress { flow_id, .. }
            | Effect::Upload { flow_id, .. }
            | Effect::UploadBegun { flow_id, .. }
            | Effect::Loss { flow_id, .. } => Some(flow_id),
            Effect::Events { .. } | Effect::Facts { .. } => None,
        }
    }
}

/// What an effect did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Rows were appended; the set now has so many.
    Appended {
        /// Rows in the set.
        total: u64,
    },
    /// Everything was known already.
    Duplicate,
    /// The flow does not exist; nothing was kept.
    UnknownFlow,
    /// A report was stored; `ended` is true exactly once in a flow's life.
    Progressed {
        /// The flow reached its final state now.
        ended: bool,
    },
    /// Done.
    Done,
}

/// Kind of a result set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetKind {
    /// Rows of a collection.
    Rows,
    /// Log of a collection.
    Logs,
    /// Event rows.
    Events,
    /// Event logs.
    EventLogs,
}

/// A numbered sequence of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultSet {
    /// Key for reading.
    pub id: i64,
    /// Kind.
    pub kind: SetKind,
    /// `Artifact/Source`, empty for logs.
    pub name: String,
    /// Number of the first row still kept.
    pub first_row: u64,
    /// One past the last row.
    pub end_row: u64,
    /// Receive time of the first and the last event chunk.
    pub span: Option<(Micros, Micros)>,
}

impl ResultSet {
    /// Number of rows.
    pub fn rows(&self) -> u64 {
        self.end_row.saturating_sub(self.first_row)
    }
}

/// A chunk as read back.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredChunk {
    /// Number of its first row.
    pub first_row: u64,
    /// Receive time, for event rows.
    pub received: Option<Micros>,
    /// The rows.
    pub chunk: Chunk,
}

/// A user account.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    /// Name, compared without regard to case.
    pub name: String,
    /// PHC string of the password.
    pub password_hash: String,
    /// Role names.
    pub roles: Vec<String>,
    /// When it was made.
    pub created: Micros,
    /// May not sign in.
    pub locked: bool,
}

/// A signed-in browser.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// SHA-256 of the cookie's value.
    pub token_hash: Vec<u8>,
    /// User.
    pub user: String,
    /// CSRF token bound to it.
    pub csrf_token: String,
    /// When it was made.
    pub created: Micros,
    /// When it ends.
    pub expires: Micros,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Number, in order of writing; ignored when written.
    pub id: i64,
    /// When.
    pub time: Micros,
    /// Who.
    pub principal: String,
    /// What.
    pub operation: String,
    /// Details (JSON).
    pub detail: String,
    /// From where.
    pub ip: String,
}

/// Totals for the status page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Known clients.
    pub clients: u64,
    /// Flows not ended.
    pub flows_running: u64,
    /// Rows kept.
    pub rows: u64,
}
