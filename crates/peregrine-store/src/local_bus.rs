//! The bus inside one process.

use crate::Result;
use crate::bus::{Bus, Event, Received, Subscription};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{Notify, mpsc};

/// How many messages a slow subscriber may fall behind before it is told to resync.
const BACKLOG: usize = 4096;

/// Publish and subscribe within this process. Publishing never waits.
#[derive(Debug, Default)]
pub struct LocalBus {
    topics: Mutex<HashMap<String, Vec<Subscriber>>>,
}

#[derive(Debug, Clone)]
struct Subscriber {
    queue: mpsc::Sender<Event>,
    lag: Arc<Lag>,
}

/// Whether a subscriber has missed something, and a way to wake it.
#[derive(Debug, Default)]
struct Lag {
    is_behind: AtomicBool,
    wake: Notify,
}

impl Lag {
    fn set(&self) {
        self.is_behind.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn take(&self) -> bool {
        self.is_behind.swap(false, Ordering::AcqRel)
    }
}

impl LocalBus {
    /// A bus without subscribers.
    pub fn new() -> LocalBus {
        LocalBus::default()
    }

    /// Delivers a message to the subscribers of its topic.
    pub(crate) fn deliver(&self, topic: &str, payload: &str) {
        let mut topics = self.topics.lock();
        let Some(subscribers) = topics.get_mut(topic) else {
            return;
        };
        let event = Event {
            topic: topic.to_owned(),
            payload: payload.into(),
        };
        subscribers.retain(|subscriber| match subscriber.queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                subscriber.lag.set();
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        });
        if subscribers.is_empty() {
            topics.remove(topic);
        }
    }

    /// Tells every subscriber that messages were lost.
    pub(crate) fn lag_all(&self) {
        for subscriber in self.topics.lock().values().flatten() {
            subscriber.lag.set();
        }
    }

    /// Subscribes to messages delivered on these topics from now on.
    pub(crate) fn listen(&self, topics: &[&str]) -> LocalSubscription {
        let (queue, events) = mpsc::channel(BACKLOG);
        let subscriber = Subscriber {
            queue,
            lag: Arc::default(),
        };
        let mut all = self.topics.lock();
        for topic in topics {
            all.entry((*topic).to_owned())
                .or_default()
                .push(subscriber.clone());
        }
        LocalSubscription {
            events,
            lag: subscriber.lag,
        }
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn is_shared(&self) -> bool {
        false
    }

    async fn publish(&self, topic: &str, payload: &str) -> Result<()> {
        self.deliver(topic, payload);
        Ok(())
    }

    async fn subscribe(&self, topics: &[&str]) -> Result<Box<dyn Subscription>> {
        Ok(Box::new(self.listen(topics)))
    }
}

pub(crate) struct LocalSubscription {
    events: mpsc::Receiver<Event>,
    lag: Arc<Lag>,
}

impl LocalSubscription {
    /// Marks the subscription as lagging, so that its first item is [`Received::Lagged`].
    pub(crate) fn behind(self) -> LocalSubscription {
        self.lag.set();
        self
    }
}

#[async_trait]
impl Subscription for LocalSubscription {
    async fn next(&mut self) -> Option<Received> {
        loop {
            if self.lag.take() {
                // What is still queued is older than what was lost; a resync covers both.
                while self.events.try_recv().is_ok() {}
                return Some(Received::Lagged);
            }
            tokio::select! {
                biased;
                () = self.lag.wake.notified() => {}
                event = self.events.recv() => return event.map(Received::Event),
            }
        }
    }
}
