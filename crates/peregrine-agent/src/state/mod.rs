//! What outlives a run of the agent, and what waits to be sent. It knows neither `work` nor `net`.

pub(crate) mod buffer;
pub(crate) mod checkpoint;
pub(crate) mod files;
pub(crate) mod lock;
pub(crate) mod losses;
pub(crate) mod message;
pub(crate) mod message_size;
pub(crate) mod outbox;
pub(crate) mod owner;
pub(crate) mod writeback;
