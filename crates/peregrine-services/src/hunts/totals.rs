//! Keeping the totals of hunts up to date: counted from the collections a moment after one of them changed.

use crate::changes::{Change, announce};
use crate::{Core, Result};
use parking_lot::Mutex;
use peregrine_store::{ClientId, FlowId, HuntId, HuntQuery, HuntState};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often a hunt is counted at most; a large one takes at most a twentieth of the time.
const PAUSE: Duration = Duration::from_secs(1);
const SHARE: u32 = 20;
/// How long changes are gathered before the hunts they belong to are looked up.
const GATHER: Duration = Duration::from_millis(200);
/// How often hunts that may still change are counted although nothing was heard, in case a server died before it counted.
const SWEEP: Duration = Duration::from_secs(60);
/// Changed collections remembered until their hunts are looked up. Beyond that, all hunts that may change are counted.
const MAX_FLOWS: usize = 20_000;
/// Hunts that are counted by a sweep.
const MAX_SWEPT: u64 = 1000;

/// Hunts whose stored totals are out of date, as far as this server changed their collections.
#[derive(Debug, Default)]
pub(crate) struct StaleHunts {
    marks: Mutex<Marks>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Marks {
    hunts: HashSet<HuntId>,
    /// Collections of which only the database knows whether a hunt has them.
    flows: HashSet<(ClientId, FlowId)>,
    has_too_many: bool,
}

impl StaleHunts {
    pub(crate) fn mark(&self, hunt_id: &HuntId) {
        self.marks.lock().hunts.insert(hunt_id.clone());
        self.news.notify_one();
    }

    pub(crate) fn mark_flow(&self, client_id: &ClientId, flow_id: &FlowId) {
        if let Some(hunt_id) = flow_id.hunt_id() {
            return self.mark(&hunt_id);
        }
        let mut marks = self.marks.lock();
        if marks.flows.len() < MAX_FLOWS {
            marks.flows.insert((client_id.clone(), flow_id.clone()));
        } else {
            marks.has_too_many = true;
        }
        drop(marks);
        self.news.notify_one();
    }

    fn take(&self) -> Marks {
        std::mem::take(&mut *self.marks.lock())
    }
}

/// Counts hunts whose collections changed, until the server stops.
pub async fn keep_totals(core: &Core, stopping: &CancellationToken) {
    let mut stale: HashSet<HuntId> = HashSet::new();
    // When a hunt that was counted a moment ago may be counted again.
    let mut due: HashMap<HuntId, Instant> = HashMap::new();
    let mut next_sweep = Instant::now();
    loop {
        let mut marks = core.stale_hunts.take();
        if Instant::now() >= next_sweep || marks.has_too_many {
            marks.hunts.extend(logged(unsettled(core).await));
            next_sweep = Instant::now() + SWEEP;
        }
        if !marks.flows.is_empty() {
            let flows = marks.flows.into_iter().collect();
            let found = core.storage.database.hunts_of_flows(flows).await;
            marks.hunts.extend(logged(found.map_err(Into::into)));
        }
        stale.extend(marks.hunts);
        due.retain(|_, at| *at > Instant::now());
        let ready: Vec<HuntId> = stale
            .iter()
            .filter(|id| !due.contains_key(*id))
            .cloned()
            .collect();
        for hunt_id in ready {
            stale.remove(&hunt_id);
            let begun = Instant::now();
            if !count(core, &hunt_id).await {
                stale.insert(hunt_id.clone());
            }
            due.insert(hunt_id, Instant::now() + PAUSE.max(begun.elapsed() * SHARE));
        }
        let waiting = stale.iter().filter_map(|id| due.get(id)).min();
        let wake = waiting.copied().unwrap_or(next_sweep).min(next_sweep);
        let changed = async {
            core.stale_hunts.news.notified().await;
            tokio::time::sleep(GATHER).await;
        };
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(wake.into()) => {}
            () = stopping.cancelled() => return,
        }
    }
}

/// Counts a hunt; false if that must be done again.
async fn count(core: &Core, hunt_id: &HuntId) -> bool {
    match core.storage.database.count_hunt(hunt_id).await {
        Ok(true) => {
            let hunt_id = hunt_id.clone();
            announce(core, &Change::Hunt { hunt_id }).await;
            true
        }
        Ok(false) => false,
        Err(error) => {
            tracing::warn!(%hunt_id, %error, "a hunt is counted later");
            false
        }
    }
}

/// Hunts that clients may join, or whose collections had not all ended when they were last counted.
async fn unsettled(core: &Core) -> Result<Vec<HuntId>> {
    let query = HuntQuery {
        descending: true,
        limit: MAX_SWEPT,
        ..HuntQuery::default()
    };
    let hunts = core.storage.database.hunts(query).await?.items.into_iter();
    let may_change = hunts
        .filter(|hunt| hunt.state == HuntState::Running || hunt.totals.waiting + hunt.totals.running > 0);
    Ok(may_change.map(|hunt| hunt.hunt_id).collect())
}

fn logged(found: Result<Vec<HuntId>>) -> Vec<HuntId> {
    found.unwrap_or_else(|error| {
        tracing::warn!(%error, "totals of hunts are late");
        Vec::new()
    })
}
