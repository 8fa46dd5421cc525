//! Collections as the database keeps them, their tasks and files.

use crate::clients::{Claim, Client};
use crate::model::Micros;
use peregrine_base::{ClientId, FlowId};
use serde::{Deserialize, Serialize};

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

/// Numbers of the states, as on the wire. It has none for what was cancelled, which is an error there: ours is one that
/// the wire does not use.
pub(crate) fn state_number(state: FlowState) -> i64 {
    match state {
        FlowState::Running => 1,
        FlowState::Finished => 2,
        FlowState::Error => 3,
        FlowState::Cancelled => 7,
    }
}

/// A collection from one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Whose.
    pub client_id: ClientId,
    /// `F.` and 13 characters.
    pub flow_id: FlowId,
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
    pub fn new(client_id: ClientId, flow_id: FlowId) -> Flow {
        Flow {
            client_id,
            flow_id,
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
    /// Flow it belongs to.
    pub flow_id: FlowId,
    /// Counts against the in-flight limit and marks its flow delivered.
    pub is_flow_request: bool,
    /// Ignores the in-flight limit.
    pub urgent: bool,
    /// The serialized message.
    pub message: Vec<u8>,
}

/// A client asks for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The server that it asks.
    pub server_id: String,
    /// The packet with which it did.
    pub claim: Claim,
    /// When.
    pub now: Micros,
    /// Flows it may work on at once; requests beyond stay in the queue.
    pub max_in_flight: u64,
    /// Flows not heard of since then, and not asked about since, are asked about; what was to stop one and was not answered
    /// is said again. None does neither.
    pub silent_since: Option<Micros>,
}

/// The answer to a client that asks for work.
#[derive(Debug, Clone, PartialEq)]
pub enum Polled {
    /// There is no such client.
    Unknown,
    /// It waits at another server by now: this connection of it is dead.
    Superseded,
    /// Another program with its identity waits at another server.
    Occupied,
    /// Here it is.
    Work(Box<Work>),
}

/// What there is for a client that asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// Who asks.
    pub client: Client,
    /// Taken out of the queue, in order; their flows are delivered.
    pub tasks: Vec<Task>,
    /// Running, delivered flows it is to be asked about; they count as asked.
    pub silent: Vec<FlowId>,
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
    pub client_id: Option<ClientId>,
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
    /// The agent does not know the flow. One of which nothing was heard yet is sent again instead of being ended.
    pub is_unknown: bool,
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
