//! What packets of agents bring, and rows as they are kept.

use crate::chunk::{Block, Chunk};
use crate::clients::ClientFacts;
use crate::flows::{Progress, Upload};
use crate::model::Micros;
use peregrine_base::FlowId;

/// One consequence of an agent's packet. A packet's effects are applied together or not at all.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Rows of a collection.
    Rows {
        /// Flow, without child part.
        flow_id: FlowId,
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
        flow_id: FlowId,
        /// Number the agent gives the first line; none appends without a check.
        start_row: Option<u64>,
        /// The lines as rows.
        chunk: Chunk,
    },
    /// State of a collection.
    Progress {
        /// Flow, without child part.
        flow_id: FlowId,
        /// Rolled up report.
        progress: Progress,
    },
    /// A file was stored completely.
    Upload {
        /// Flow, without child part.
        flow_id: FlowId,
        /// The file.
        upload: Upload,
    },
    /// The first piece of a file was stored; a flow that ends before the last one is incomplete.
    UploadBegun {
        /// Flow, without child part.
        flow_id: FlowId,
        /// Object key.
        object: String,
        /// Path on the endpoint.
        vfs_path: String,
    },
    /// Something of a collection came and could not be kept.
    Loss {
        /// Flow, without child part.
        flow_id: FlowId,
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
        flow_id: Option<FlowId>,
        /// Now.
        at: Micros,
    },
}

impl Effect {
    /// The collection it is about; none for events and facts.
    pub fn flow_id(&self) -> Option<&FlowId> {
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

    /// Its rows, if it brings some.
    pub fn chunk(&self) -> Option<&Chunk> {
        match self {
            Effect::Rows { chunk, .. } | Effect::Logs { chunk, .. } | Effect::Events { chunk, .. } => {
                Some(chunk)
            }
            _ => None,
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
    /// The agent never had the flow: its request is queued again.
    QueuedAgain,
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

/// The number of a sequence of rows, unique in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub(crate) i64);

/// A numbered sequence of rows.
#[derive(Debug, Clone, PartialEq)]
pub struct ResultSet {
    /// Key for reading.
    pub id: SetId,
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
    /// Why their bytes are not here.
    pub missing: Option<String>,
}

impl StoredChunk {
    /// What can be read of it.
    pub fn read(&self) -> Block {
        match &self.missing {
            None => Block::read(self.first_row, &self.chunk),
            Some(why) => Block::unreadable(self.first_row, self.chunk.rows, why),
        }
    }
}

/// Totals for the status page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Known clients.
    pub clients: u64,
    /// Clients that are connected to any server.
    pub online: u64,
    /// Flows not ended.
    pub flows_running: u64,
    /// Rows kept.
    pub rows: u64,
}
