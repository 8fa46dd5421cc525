//! The bus inside one process.

use crate::Result;
use crate::bus::{Bus, Event, Received, Subscription};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;
use tokio::sync::mpsc;

/// Messages a slow subscriber may be behind before it is told to resync.
const BACKLOG: usize = 4096;

/// In-process publish and subscribe. Publishing never waits.
#[derive(Debug, Default)]
pub struct LocalBus {
    topics: Mutex<HashMap<String, Vec<Subscriber>>>,
}

#[derive(Debug, Clone)]
struct Subscriber {
    queue: mpsc::Sender<Event>,
    lagged: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl LocalBus {
    /// A bus nobody listens to yet.
    pub fn new() -> LocalBus {
        LocalBus::default()
    }
}

#[async_trait]
impl Bus for LocalBus {
    async fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        let mut topics = self.topics.lock();
        let Some(subscribers) = topics.get_mut(topic) else {
            return Ok(());
        };
        let event = Event {
            topic: topic.to_owned(),
            payload: payload.into(),
        };
        subscribers.retain(|subscriber| match subscriber.queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                subscriber
                    .lagged
                    .store(true, std::sync::atomic::Ordering::Release);
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
        if subscribers.is_empty() {
            topics.remove(topic);
        }
        Ok(())
    }

    async fn subscribe(&self, topics: &[&str]) -> Result<Box<dyn Subscription>> {
        let (queue, events) = mpsc::channel(BACKLOG);
        let subscriber = Subscriber {
            queue,
            lagged: Default::default(),
        };
        let mut all = self.topics.lock();
        for topic in topics {
            all.entry((*topic).to_owned())
                .or_default()
                .push(subscriber.clone());
        }
        Ok(Box::new(LocalSubscription {
            events,
            lagged: subscriber.lagged,
        }))
    }
}

struct LocalSubscription {
    events: mpsc::Receiver<Event>,
    lagged: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Option<Received> {
        if self.lagged.swap(false, std::sync::atomic::Ordering::AcqRel) {
            // What is still queued is older than what was lost; a resync covers both.
            while self.events.try_recv().is_ok() {}
            return Some(Received::Lagged);
        }
        self.events.recv().await.map(Received::Event)
    }
}
