//! Collections as the database keeps them, their tasks and files.

use crate::clients::{Claim, Client};
use crate::model::Micros;
use peregrine_base::{ClientId, FlowId, HuntId};
use serde::{Deserialize, Serialize};

/// Stored state of a collection. Display states are derived by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowState {
    /// Scheduled or running.
    Running,
    /// Ended successfully.
    Finished,
    /// Ended with an error.
    Error,
    /// Cancelled by a user.
    Cancelled,
}

/// Numbers of the states, as on the wire. The wire reports a cancelled flow as an error; here it gets a number of its own
/// that the wire does not use.
pub(crate) fn state_number(state: FlowState) -> i64 {
    match state {
        FlowState::Running => 1,
        FlowState::Finished => 2,
        FlowState::Error => 3,
        FlowState::Cancelled => 7,
    }
}

pub(crate) fn flow_state(number: i64) -> FlowState {
    match number {
        1 => FlowState::Running,
        2 => FlowState::Finished,
        7 => FlowState::Cancelled,
        _ => FlowState::Error,
    }
}

/// A collection from one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The client it runs on.
    pub client_id: ClientId,
    /// `F.` and 13 characters.
    pub flow_id: FlowId,
    /// The hunt that started it; the request is the hunt's then.
    pub hunt_id: Option<HuntId>,
    /// Stored state.
    pub state: FlowState,
    /// Message that explains an error state.
    pub status: Option<String>,
    /// The user who asked for it.
    pub creator: String,
    /// When it was asked for.
    pub created: Micros,
    /// When it was handed to the agent; `None` while it waits in the queue.
    pub delivered: Option<Micros>,
    /// First activity, as reported by the agent.
    pub started: Option<Micros>,
    /// Last activity, as reported by the agent.
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
    /// Bytes stored of its files.
    pub uploaded_bytes: u64,
    /// Names of the artifacts asked for.
    pub artifacts: Vec<String>,
    /// Goes ahead of other collections: ignores the in-flight limit.
    pub urgent: bool,
    /// The request as the user made it (JSON).
    pub request: String,
    /// The last `query_status` list the agent sent (JSON).
    pub query_stats: String,
}

impl Flow {
    /// A running flow with nothing else known yet: no creator, an empty request.
    pub fn new(client_id: ClientId, flow_id: FlowId) -> Flow {
        Flow {
            client_id,
            flow_id,
            hunt_id: None,
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
    /// Counts against the in-flight limit and marks its flow as delivered.
    pub is_flow_request: bool,
    /// Ignores the in-flight limit.
    pub urgent: bool,
    /// The serialized message to the agent.
    pub message: Vec<u8>,
}

/// A client's request for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poll {
    /// The server the client asked.
    pub server_id: String,
    /// The packet with which it asked.
    pub claim: Claim,
    /// Time of the request.
    pub now: Micros,
    /// Most flows the client may work on at once; further requests stay in the queue.
    pub max_in_flight: u64,
    /// Flows not heard of and not asked about since this time are asked about; unanswered requests to stop a flow are
    /// sent again. `None` does neither.
    pub silent_since: Option<Micros>,
}

/// Answer to a request for work.
#[derive(Debug, Clone, PartialEq)]
pub enum Polled {
    /// The client is not enrolled.
    Unknown,
    /// The client has a newer connection, to another server: this one is dead.
    Superseded,
    /// Another process with the same client identity is connected to another server.
    Occupied,
    /// The work; it may be empty.
    Work(Box<Work>),
}

/// Work for a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// The client that asked.
    pub client: Client,
    /// Tasks in order, already marked as taken; their flows count as delivered.
    pub tasks: Vec<Task>,
    /// Running, delivered flows to ask the client about; they count as asked about.
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

/// Query for a list of flows.
#[derive(Debug, Clone, Default)]
pub struct FlowQuery {
    /// Only flows of this client.
    pub client_id: Option<ClientId>,
    /// Id, artifact or creator contains this text.
    pub search: Option<String>,
    /// Only flows in this stored state.
    pub state: Option<FlowState>,
    /// Order.
    pub sort: FlowSort,
    /// Reverse order.
    pub descending: bool,
    /// Flows to skip.
    pub offset: u64,
    /// Most flows to return.
    pub limit: u64,
}

/// What an agent reported about a flow as a whole, combined from its queries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Progress {
    /// New `query_status` list (JSON); `None` keeps the stored one.
    pub query_stats: Option<String>,
    /// Earliest activity.
    pub started: Option<Micros>,
    /// Latest activity.
    pub last_active: Option<Micros>,
    /// Longest query time (ns).
    pub duration_ns: i64,
    /// Final state and message; `None` while it runs.
    pub end: Option<(FlowState, Option<String>)>,
    /// Error of a query, while other queries still run.
    pub trouble: Option<String>,
    /// The agent does not know the flow. If nothing was ever heard of the flow, it is queued again instead of being
    /// ended.
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
