//! Recruiting: every server lets the clients that are connected to it join the hunts that are for them, when a hunt is started and
//! when a client comes online or becomes another one.
//!
//! What is heard on the bus only says where to look: the database decides who joins. So nothing is lost when a message is, as
//! all connected clients are examined again every minute.

use super::announce_changed;
use crate::changes::{Change, announce, topics};
use crate::{Core, Result, clock, events};
use parking_lot::Mutex;
use peregrine_store::{
    Admission, Candidates, ClientId, Error as StoreError, Event, HuntId, HuntState, Received, RunningHunt,
    Subscription,
};
use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Clients that join in one transaction.
const PAGE: u64 = 500;
/// How long changed clients are gathered, so that many of them cost one look.
const GATHER: Duration = Duration::from_millis(200);
/// How often all connected clients are examined although nothing was heard.
const SWEEP: Duration = Duration::from_secs(60);
/// Pause after the database failed.
const PAUSE: Duration = Duration::from_secs(5);
/// Changed clients remembered; beyond that, all connected ones are examined.
const MAX_CLIENTS: usize = 20_000;
/// New collections announced one by one; beyond that, screens are told to reload.
const MAX_ANNOUNCED: usize = 100;

/// Lets clients that are connected to this server join hunts, and stops hunts whose time is up, until the server stops.
pub async fn recruit(core: &Core, stopping: &CancellationToken) -> Result<()> {
    let events = core
        .storage
        .bus
        .subscribe(&[topics::HUNTS, topics::CHANGES])
        .await?;
    let inbox = Inbox::default();
    // Clients may have come while nobody listened.
    inbox.backlog.lock().everything = true;
    tokio::select! {
        () = inbox.fill(events) => Ok(()),
        () = work(core, &inbox) => Ok(()),
        () = stopping.cancelled() => Ok(()),
    }
}

/// What there is to examine.
#[derive(Debug, Default)]
struct Inbox {
    backlog: Mutex<Backlog>,
    news: Notify,
    /// Whether any hunt runs. While none does, changes of clients cost nothing.
    is_hunting: AtomicBool,
}

#[derive(Debug, Default)]
struct Backlog {
    /// All connected clients, for all running hunts.
    everything: bool,
    /// All connected clients, for these hunts.
    hunts: BTreeSet<HuntId>,
    /// These clients, for all running hunts.
    clients: HashSet<ClientId>,
}

impl Inbox {
    /// Listens all the time, so that a long examination does not make it miss messages.
    async fn fill(&self, mut events: Box<dyn Subscription>) {
        while let Some(received) = events.next().await {
            let is_news = match received {
                Received::Lagged => {
                    self.backlog.lock().everything = true;
                    true
                }
                Received::Event(event) => self.note(&event),
            };
            if is_news {
                self.news.notify_one();
            }
        }
    }

    /// Whether there is something to do.
    fn note(&self, event: &Event) -> bool {
        if event.topic == topics::HUNTS {
            let hunt_id = event.payload.parse::<HuntId>();
            return hunt_id.is_ok_and(|hunt_id| {
                self.backlog.lock().hunts.insert(hunt_id);
                true
            });
        }
        if !self.is_hunting.load(Ordering::Acquire) {
            return false;
        }
        let mut backlog = self.backlog.lock();
        match serde_json::from_str(&event.payload) {
            Ok(Change::Client { client_id }) if backlog.clients.len() < MAX_CLIENTS => {
                backlog.clients.insert(client_id);
            }
            Ok(Change::Client { .. } | Change::Many) => backlog.everything = true,
            _ => return false,
        }
        true
    }

    fn take(&self) -> Backlog {
        std::mem::take(&mut *self.backlog.lock())
    }
}

async fn work(core: &Core, inbox: &Inbox) {
    loop {
        let pause = match examine(core, inbox).await {
            Ok(pause) => pause,
            Err(error) => {
                tracing::warn!(%error, "clients join hunts later");
                inbox.backlog.lock().everything = true;
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        tokio::select! {
            () = async {
                inbox.news.notified().await;
                tokio::time::sleep(GATHER).await;
            } => {}
            () = tokio::time::sleep(pause) => inbox.backlog.lock().everything = true,
        }
    }
}

/// Does what there is to do; returns after which time everything must be examined again. A hunt that fails does not keep others
/// waiting.
async fn examine(core: &Core, inbox: &Inbox) -> Result<Duration> {
    let running = running(core).await?;
    // Before anything is read, so that a client that comes meanwhile is noted.
    inbox.is_hunting.store(!running.is_empty(), Ordering::Release);
    let backlog = inbox.take();
    let mut told = Announcements::default();
    let mut failure = None;
    for hunt in &running {
        let hunt_id = &hunt.hunt_id;
        let done = if backlog.everything || backlog.hunts.contains(hunt_id) {
            recruit_all(core, hunt_id, &mut told).await
        } else {
            recruit_among(core, hunt_id, &backlog.clients, &mut told).await
        };
        failure = done.err().or(failure);
    }
    told.finish(core).await;
    if let Some(error) = failure {
        return Err(error);
    }
    let now = clock::now();
    let until_expiry = running
        .iter()
        .map(|hunt| hunt.expires.saturating_sub(now).max(0))
        .min();
    let until_expiry = until_expiry.map(|micros| Duration::from_micros(micros.unsigned_abs()));
    Ok(SWEEP.min(until_expiry.unwrap_or(SWEEP)))
}

/// The hunts that clients may join; those whose time is up are stopped.
async fn running(core: &Core) -> Result<Vec<RunningHunt>> {
    let database = &core.storage.database;
    let now = clock::now();
    let mut running = Vec::new();
    for hunt in database.running_hunts().await? {
        if hunt.expires > now {
            running.push(hunt);
        } else if database.expire_hunt(&hunt.hunt_id, now).await? {
            tracing::info!(hunt_id = %hunt.hunt_id, "a hunt has expired");
            announce_changed(core, &hunt.hunt_id).await?;
        }
    }
    Ok(running)
}

/// Examines all clients that are connected to this server, page by page.
async fn recruit_all(core: &Core, hunt_id: &HuntId, told: &mut Announcements) -> Result<()> {
    let mut after = None;
    loop {
        let which = Candidates::ConnectedTo {
            server_id: core.membership.id().to_owned(),
            after,
            limit: PAGE,
        };
        let page = core.storage.database.hunt_candidates(hunt_id, which).await?;
        let Some(last) = page.last().cloned() else {
            return Ok(());
        };
        if !join(core, hunt_id, page, told).await? {
            return Ok(());
        }
        after = Some(last);
    }
}

async fn recruit_among(
    core: &Core,
    hunt_id: &HuntId,
    clients: &HashSet<ClientId>,
    told: &mut Announcements,
) -> Result<()> {
    if clients.is_empty() {
        return Ok(());
    }
    let which = Candidates::Among {
        server_id: core.membership.id().to_owned(),
        clients: clients.iter().cloned().collect(),
    };
    let found = core.storage.database.hunt_candidates(hunt_id, which).await?;
    for some in found.chunks(PAGE as usize) {
        if !join(core, hunt_id, some.to_vec(), told).await? {
            break;
        }
    }
    Ok(())
}

/// Lets clients join, wakes them, and shows it; false if the hunt takes no more.
async fn join(
    core: &Core,
    hunt_id: &HuntId,
    clients: Vec<ClientId>,
    told: &mut Announcements,
) -> Result<bool> {
    let database = &core.storage.database;
    let joined = database.join_hunt(hunt_id, clients, Admission::ByCondition, clock::now());
    let joined = match joined.await {
        // It was deleted meanwhile.
        Err(StoreError::NotFound { .. }) => return Ok(false),
        joined => joined?,
    };
    for client_id in &joined.clients {
        if let Err(error) = core.storage.bus.publish(topics::TASKS, client_id.as_str()).await {
            tracing::warn!(%client_id, %error, "a client hears of a hunt at its next poll");
        }
        told.joined(core, hunt_id, client_id).await;
    }
    if !joined.clients.is_empty() {
        core.stale_hunts.mark(hunt_id);
        events::tell_participation(core, hunt_id, &joined.clients).await;
    }
    let goes_on = joined.state == HuntState::Running;
    if !goes_on {
        announce_changed(core, hunt_id).await?;
    }
    Ok(goes_on)
}

/// What screens are told about new collections: of a few, which; of many, that there are many.
#[derive(Debug, Default)]
struct Announcements {
    count: usize,
}

impl Announcements {
    async fn joined(&mut self, core: &Core, hunt_id: &HuntId, client_id: &ClientId) {
        self.count += 1;
        if self.count <= MAX_ANNOUNCED {
            let change = Change::Flow {
                client_id: client_id.clone(),
                flow_id: hunt_id.flow_id(),
            };
            announce(core, &change).await;
        }
    }

    async fn finish(self, core: &Core) {
        if self.count > MAX_ANNOUNCED {
            announce(core, &Change::Many).await;
        }
    }
}
