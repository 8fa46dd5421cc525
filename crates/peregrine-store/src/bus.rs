//! The bus seam: says "look now" and carries nothing that could not be read from the database.

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
    /// Tells subscribers of the topic, if any.
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
