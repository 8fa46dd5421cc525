//! The bus seam: says "look now" and carries nothing that could not be read from the database.
//!
//! What it promises: once `subscribe` has returned, a subscriber gets every message of its topics that is published, in the
//! order of each publisher, or, later than that message was published, [`Received::Lagged`]. So whoever stores first and
//! publishes then, and reads everything again when told to, is up to date. A bus between processes keeps that while its link is
//! broken by saying `Lagged` once it is whole again; until then subscribers hear nothing, and whoever must not wait so long
//! looks into the database from time to time. Only the end of the publishing process loses its last messages without a word.
//!
//! Nobody waits for a subscriber or for the link: publishing hands a message over, and drops it rather than wait.

use crate::Result;
use async_trait::async_trait;
use std::sync::Arc;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub topic: String,
    /// Text, usually an id or JSON.
    pub payload: Arc<str>,
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A message.
    Event(Event),
    /// Messages were lost because the subscriber was slow or the link broke: read the truth again.
    Lagged,
}

/// Publishes and subscribes.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Whether other processes hear it.
    fn is_shared(&self) -> bool;
    /// Tells subscribers of the topic, if any. The payload is small: beyond some 64 kB it may come as [`Received::Lagged`].
    async fn publish(&self, topic: &str, payload: &str) -> Result<()>;
    /// Messages of these topics published from now on.
    async fn subscribe(&self, topics: &[&str]) -> Result<Box<dyn Subscription>>;
}

/// A running subscription; dropping it ends it.
#[async_trait]
pub trait Subscription: Send {
    /// The next message; none after the bus closed.
    async fn next(&mut self) -> Option<Received>;
}
