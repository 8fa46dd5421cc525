//! Effects of agents' packets, and rows as they are stored.

use crate::chunk::{Block, Chunk};
use crate::clients::ClientFacts;
use crate::flows::{Progress, Upload};
use crate::model::Micros;
use peregrine_base::FlowId;
use serde::{Deserialize, Serialize};

/// One effect of an agent's packet. The effects of a packet are applied together or not at all.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Rows of a collection.
    Rows {
        /// The flow.
        flow_id: FlowId,
        /// `Artifact/Source`.
        source: String,
        /// Number the agent gives the first row; `None` appends without checking for repeats.
        start_row: Option<u64>,
        /// The rows.
        chunk: Chunk,
    },
    /// Log lines of a collection.
    Logs {
        /// The flow.
        flow_id: FlowId,
        /// Number the agent gives the first line; `None` appends without checking for repeats.
        start_row: Option<u64>,
        /// The lines, one row each.
        chunk: Chunk,
    },
    /// State of a collection.
    Progress {
        /// The flow.
        flow_id: FlowId,
        /// The report, combined from the flow's queries.
        progress: Progress,
    },
    /// A file was stored completely.
    Upload {
        /// The flow.
        flow_id: FlowId,
        /// The file.
        upload: Upload,
    },
    /// The first piece of a file was stored; a flow that ends before the last one is incomplete.
    UploadBegun {
        /// The flow.
        flow_id: FlowId,
        /// Object key.
        object: String,
        /// Path on the endpoint.
        vfs_path: String,
    },
    /// Something of a collection arrived but could not be stored.
    Loss {
        /// The flow.
        flow_id: FlowId,
        /// What is missing, for the flow's status.
        what: String,
    },
    /// Event rows or event log lines.
    Events {
        /// `Artifact/Source`.
        source: String,
        /// Result kind: [`SetKind::Events`] or [`SetKind::EventLogs`].
        kind: SetKind,
        /// Digest of the message, so that a repeat has no effect.
        digest: [u8; 16],
        /// When the server received it.
        at: Micros,
        /// The rows.
        chunk: Chunk,
    },
    /// Event rows of the server itself that a client's packet causes, such as alerts: stored for the client `server`, in the
    /// transaction of the packet.
    ServerEvents {
        /// `Artifact/Source`.
        source: String,
        /// Identifies the rows, so that a repeat has no effect.
        digest: [u8; 16],
        /// When the server received them.
        at: Micros,
        /// The rows.
        chunk: Chunk,
    },
    /// The end of a collection, told as an event row of the client.
    Completion {
        /// The flow.
        flow_id: FlowId,
        /// The artifact of the event.
        source: String,
        /// Identifies the event.
        digest: [u8; 16],
        /// When it is told.
        at: Micros,
        /// The row.
        chunk: Chunk,
    },
    /// New facts about the client.
    Facts {
        /// The facts; empty strings and lists keep what is stored.
        facts: Box<ClientFacts>,
        /// Labels to add.
        labels: Vec<String>,
        /// The interrogation they are from, if any.
        flow_id: Option<FlowId>,
        /// Time of the change.
        at: Micros,
    },
}

impl Effect {
    /// The collection that it adds to; `None` for events and facts.
    pub fn flow_id(&self) -> Option<&FlowId> {
        match self {
            Effect::Rows { flow_id, .. }
            | Effect::Logs { flow_id, .. }
            | Effect::Progress { flow_id, .. }
            | Effect::Upload { flow_id, .. }
            | Effect::UploadBegun { flow_id, .. }
            | Effect::Loss { flow_id, .. } => Some(flow_id),
            Effect::Events { .. }
            | Effect::ServerEvents { .. }
            | Effect::Completion { .. }
            | Effect::Facts { .. } => None,
        }
    }

    /// The rows it carries, if any.
    pub fn chunk(&self) -> Option<&Chunk> {
        match self {
            Effect::Rows { chunk, .. }
            | Effect::Logs { chunk, .. }
            | Effect::Events { chunk, .. }
            | Effect::ServerEvents { chunk, .. }
            | Effect::Completion { chunk, .. } => Some(chunk),
            _ => None,
        }
    }
}

/// What an effect did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Rows were appended.
    Appended {
        /// The set they belong to now.
        set: SetId,
        /// Rows the set has now.
        total: u64,
    },
    /// Everything was already stored.
    Duplicate,
    /// The flow does not exist; nothing was stored.
    UnknownFlow,
    /// A report was stored; `ended` is true exactly once in a flow's life.
    Progressed {
        /// The flow reached its final state with this report.
        ended: bool,
    },
    /// The agent never received the request of the flow, so it is queued again.
    QueuedAgain,
    /// Applied; nothing more to report.
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

/// The number of a sequence of rows, unique in the database and never given again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SetId(pub(crate) i64);

/// A numbered sequence of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultSet {
    /// Id to read its chunks with.
    pub id: SetId,
    /// What its rows are.
    pub kind: SetKind,
    /// `Artifact/Source`, empty for logs.
    pub name: String,
    /// Number of the first row that is not deleted.
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
    /// Why the bytes of an object are missing; the chunk then has no data.
    pub missing: Option<String>,
}

impl StoredChunk {
    /// What can be read of it; a notice where rows cannot be read.
    pub fn read(&self) -> Block {
        match &self.missing {
            None => Block::read(self.first_row, &self.chunk),
            Some(why) => Block::unreadable(self.first_row, self.chunk.rows, why),
        }
    }
}

/// Totals for the status page, of one organisation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Known clients.
    pub clients: u64,
    /// Clients that are connected to any server.
    pub online: u64,
    /// Running flows.
    pub flows_running: u64,
    /// Rows stored.
    pub rows: u64,
}
