//! The bus seam: says "look now" and carries nothing that cannot also be read from the database.
//!
//! Guarantee: once `subscribe` has returned, a subscriber gets every message published on its topics, in the order of
//! each publisher, or else a [`Received::Lagged`] after the message it missed. So a publisher that stores first and then
//! publishes, and a subscriber that reads everything again on `Lagged`, stay in step. A bus between processes keeps this
//! guarantee across a broken link by sending `Lagged` once the link is back; until then subscribers hear nothing, so
//! those that cannot wait that long also poll the database. Only when the publishing process dies are its last messages
//! lost without notice.
//!
//! Publishing never waits for a subscriber or for the link: a message that cannot be handed over at once is dropped.

use crate::Result;
use async_trait::async_trait;
use std::sync::Arc;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Topic it was published on.
    pub topic: String,
    /// Text, usually an id or JSON; small, see [`Bus::publish`].
    pub payload: Arc<str>,
}

/// What a subscription yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Event(Event),
    /// Messages were lost because the subscriber was slow or the link broke: read everything again from the database.
    Lagged,
}

/// Publish and subscribe between the parts of a server, or between servers.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Whether other processes receive the messages too.
    fn is_shared(&self) -> bool;
    /// Sends a message to the topic's subscribers, if any. Keep the payload small: above about 64 kB it may arrive as
    /// [`Received::Lagged`].
    async fn publish(&self, topic: &str, payload: &str) -> Result<()>;
    /// Subscribes to messages published on these topics from now on.
    async fn subscribe(&self, topics: &[&str]) -> Result<Box<dyn Subscription>>;
}

/// A running subscription; dropping it ends it.
#[async_trait]
pub trait Subscription: Send {
    /// The next message; `None` once the bus is closed.
    async fn next(&mut self) -> Option<Received>;
}
