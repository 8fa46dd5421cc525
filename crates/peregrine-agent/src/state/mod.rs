//! State that outlives a run of the agent, and messages waiting to be sent. It uses neither `work` nor `net`.

pub(crate) mod buffer;
pub(crate) mod checkpoint;
pub(crate) mod files;
pub(crate) mod lock;
pub(crate) mod losses;
pub(crate) mod message;
pub(crate) mod message_queue;
pub(crate) mod message_size;
pub(crate) mod outbox;
pub(crate) mod owner;
pub(crate) mod writeback;
