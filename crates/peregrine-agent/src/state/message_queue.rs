//! The interface through which collections and event queries send: an agent's outbox, or another queue where
//! one program is many agents.

use crate::state::buffer::BufferError;
use peregrine_proto::VeloMessage;

/// Where collections and event queries put their messages to the server.
pub trait MessageQueue: Send + Sync {
    /// The size of the largest message.
    fn largest(&self) -> usize;

    /// Queues a message. Waits while there is no room; gives up with `false` when `stop` returns true or the
    /// agent ends. After an error the message is lost, and the reports of its collection say so.
    fn send(&self, message: VeloMessage, stop: &dyn Fn() -> bool) -> Result<bool, SendError>;

    /// Like [`MessageQueue::send`], for the final report of a collection: it does not give up for lack of
    /// room. False when the report could not be kept.
    fn send_last(&self, message: VeloMessage) -> bool;
}

/// Why a message did not get into the queue.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The disk did not take it.
    #[error(transparent)]
    Buffer(#[from] BufferError),
    /// No server would take it.
    #[error("{0}")]
    TooLarge(String),
}
