//! Collections that ended on this server and of which that must still be told.

use parking_lot::Mutex;
use peregrine_store::{ClientId, FlowId};
use tokio::sync::Notify;

/// Ends remembered at most; those beyond are found in the database later.
const MAX: usize = 100_000;

#[derive(Default)]
pub struct Ended {
    waiting: Mutex<Vec<(ClientId, FlowId)>>,
    signal: Notify,
}

impl Ended {
    pub(crate) fn add(&self, client_id: &ClientId, flow_id: &FlowId) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MAX {
            waiting.push((client_id.clone(), flow_id.clone()));
            drop(waiting);
            self.signal.notify_one();
        }
    }

    /// Waits for some, and returns at most this many.
    pub async fn take(&self, most: usize) -> Vec<(ClientId, FlowId)> {
        loop {
            {
                let mut waiting = self.waiting.lock();
                if !waiting.is_empty() {
                    let count = waiting.len().min(most);
                    return waiting.drain(..count).collect();
                }
            }
            self.signal.notified().await;
        }
    }
}
