//! The servers of a deployment, and which of them are alive.
//!
//! Each has a row in a table of the database and increments its beat there. Every server watches the beats of the others by its
//! own clock; one whose beat stops is removed from the table together with its connections. If it was only paused, its next beat
//! finds the row gone, and it adds itself again.

use crate::changes::{Change, announce};
use crate::storage::Storage;
use crate::users::random_token;
use crate::{Core, Error, Result, clock, flows};
use peregrine_store::{ClientId, Micros, ServerRecord};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How often a server increments its beat.
const BEAT: Duration = Duration::from_secs(2);
/// How long a beat must stay unchanged, and how often it must have been read meanwhile, before its server counts as dead. One
/// reading is not enough: while the database is unreachable, no beat changes.
const SILENCE: Duration = Duration::from_secs(10);
const READINGS: u32 = 4;
/// How long a server that cannot share the database waits for a later one to give way.
const PATIENCE: Duration = Duration::from_secs(30);
/// Changed clients announced one by one; beyond that, screens are told to reload.
const MAX_ANNOUNCED: usize = 100;

/// This server, as the others know it.
#[derive(Debug)]
pub(crate) struct Membership {
    id: String,
    host: String,
    started: Micros,
    is_local: bool,
}

impl Membership {
    pub(crate) fn new(storage: &Storage, host: &str) -> Result<Membership> {
        Ok(Membership {
            id: format!("S.{}", random_token(8)?),
            host: host.to_owned(),
            started: clock::now(),
            is_local: !(storage.objects.is_shared() && storage.bus.is_shared()),
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn record(&self) -> ServerRecord {
        ServerRecord {
            server_id: self.id.clone(),
            host: self.host.clone(),
            started: self.started,
            beat: 0,
            is_local: self.is_local,
        }
    }

    /// Waits until every server that cannot work beside this one is known to be dead; fails if one of them is alive. Of two that
    /// start at the same time, the later one gives way.
    async fn check_others(&self, storage: &Storage) -> Result<()> {
        let mut watch = Watch::default();
        let mut is_told = false;
        let began = Instant::now();
        loop {
            // Beat while waiting, or two servers that wait for each other would both count as dead.
            storage.database.beat(&self.id).await?;
            let servers = storage.database.servers().await?;
            let rivals: Vec<&ServerRecord> = servers
                .iter()
                .filter(|other| other.server_id != self.id && (self.is_local || other.is_local))
                .collect();
            let Some(first) = rivals.first() else {
                return Ok(());
            };
            if !is_told {
                let since = clock::show(first.started);
                tracing::info!(
                    host = first.host,
                    since,
                    "checking whether another server still uses this database"
                );
                is_told = true;
            }
            for dead in watch.observe(&servers, &self.id, Instant::now()) {
                storage.database.leave_servers(&dead).await?;
            }
            let is_late = began.elapsed() > PATIENCE;
            let is_earlier =
                |other: &ServerRecord| (other.started, &other.server_id) < (self.started, &self.id);
            let alive = rivals
                .iter()
                .find(|other| watch.has_moved(&other.server_id) && (is_late || is_earlier(other)));
            if let Some(alive) = alive {
                return Err(Error::Config(format!(
                    "the server that was started on `{}` at {} works on the same database, and one of the two keeps files or the bus to \
                     itself; stop it, or give both the same `Datastore.objects` and `Datastore.bus`",
                    alive.host,
                    clock::show(alive.started)
                )));
            }
            tokio::time::sleep(BEAT / 2).await;
        }
    }
}

/// Adds this server to the list of those that use its database. Fails if another one is alive and one of the two has files or a
/// bus that the other cannot reach.
pub async fn join(core: &Core) -> Result<()> {
    let (storage, membership) = (&core.storage, &core.membership);
    if !storage.database.is_shared() {
        // This server holds the folder's lock, so they must be gone.
        for other in storage.database.servers().await? {
            storage.database.leave_servers(&other.server_id).await?;
        }
    }
    storage.database.join_servers(membership.record()).await?;
    if let Err(refusal) = membership.check_others(storage).await {
        storage.database.leave_servers(&membership.id).await?;
        return Err(refusal);
    }
    flows::end_abandoned(core).await
}

/// The id of this server.
pub fn this_server(core: &Core) -> &str {
    &core.membership.id
}

/// All servers in the order they started, with the number of clients connected to each.
pub async fn list(core: &Core) -> Result<Vec<(ServerRecord, u64)>> {
    let servers = core.storage.database.servers().await?;
    let clients = core.storage.database.clients_of_servers().await?;
    let counted = servers.into_iter().map(|server| {
        let count = clients.get(&server.server_id).copied().unwrap_or(0);
        (server, count)
    });
    Ok(counted.collect())
}

/// Beats, and removes dead servers, until this one stops. `was_removed` is called when the others took this one for dead and
/// forgot its connections.
pub async fn keep_alive(core: &Core, stopping: &CancellationToken, was_removed: impl Fn()) {
    if !core.storage.database.is_shared() {
        return;
    }
    let mut watch = Watch::default();
    while stopping
        .run_until_cancelled(tokio::time::sleep(BEAT))
        .await
        .is_some()
    {
        if let Err(error) = beat(core, &mut watch, &was_removed).await {
            tracing::warn!(%error, "no sign of life to the other servers");
        }
    }
}

async fn beat(core: &Core, watch: &mut Watch, was_removed: &impl Fn()) -> Result<()> {
    let (database, membership) = (&core.storage.database, &core.membership);
    if !database.beat(&membership.id).await? {
        tracing::warn!("the other servers took this one for dead; it was paused, or without the database");
        // False while another server still releases this one's clients; the next beat tries again.
        if database.join_servers(membership.record()).await? {
            was_removed();
        }
    }
    let servers = database.servers().await?;
    for dead in watch.observe(&servers, &membership.id, Instant::now()) {
        let clients = database.leave_servers(&dead).await?;
        let server = servers.iter().find(|server| server.server_id == dead);
        let host = server.map_or("", |server| &server.host);
        tracing::warn!(host, clients = clients.len(), "a server ended without a word");
        announce_clients(core, clients).await;
        flows::end_abandoned(core).await?;
    }
    Ok(())
}

/// Takes this server off the list when it stops; its clients are offline until they connect elsewhere.
pub async fn leave(core: &Core) -> Result<()> {
    let clients = core.storage.database.leave_servers(&core.membership.id).await?;
    announce_clients(core, clients).await;
    Ok(())
}

async fn announce_clients(core: &Core, clients: Vec<ClientId>) {
    if clients.len() > MAX_ANNOUNCED {
        return announce(core, &Change::Many).await;
    }
    for client_id in clients {
        announce(core, &Change::Client { client_id }).await;
    }
}

/// The last beat seen of each other server.
#[derive(Debug, Default)]
struct Watch(HashMap<String, LastBeat>);

#[derive(Debug)]
struct LastBeat {
    beat: u64,
    since: Instant,
    readings: u32,
    has_moved: bool,
}

impl Watch {
    /// Compares all beats with the last ones seen; returns the servers that are dead.
    fn observe(&mut self, servers: &[ServerRecord], own: &str, now: Instant) -> Vec<String> {
        self.0
            .retain(|id, _| servers.iter().any(|server| server.server_id == *id));
        let mut dead = Vec::new();
        for server in servers.iter().filter(|server| server.server_id != own) {
            let last = self.0.entry(server.server_id.clone()).or_insert(LastBeat {
                beat: server.beat,
                since: now,
                readings: 0,
                has_moved: false,
            });
            if last.beat != server.beat {
                *last = LastBeat {
                    beat: server.beat,
                    since: now,
                    readings: 0,
                    has_moved: true,
                };
            }
            last.readings += 1;
            if last.readings > READINGS && now.saturating_duration_since(last.since) >= SILENCE {
                dead.push(server.server_id.clone());
            }
        }
        dead
    }

    fn has_moved(&self, server_id: &str) -> bool {
        self.0.get(server_id).is_some_and(|last| last.has_moved)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, beat: u64) -> ServerRecord {
        ServerRecord {
            server_id: id.into(),
            host: String::new(),
            started: 0,
            beat,
            is_local: false,
        }
    }

    #[test]
    fn a_server_is_dead_when_its_beat_stood_still_while_it_was_looked_at() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let mut observe = |seconds, beats: [u64; 3]| {
            let servers = ["own", "alive", "dead"].iter().zip(beats);
            let servers: Vec<_> = servers.map(|(id, beat)| server(id, beat)).collect();
            watch.observe(&servers, "own", start + Duration::from_secs(seconds))
        };
        for second in 0..=9 {
            assert!(observe(second, [0, second, 5]).is_empty(), "{second}");
        }
        assert_eq!(observe(10, [0, 10, 5]), ["dead"]);
        assert!(observe(11, [0, 11, 6]).is_empty(), "it came back");
        assert!(
            observe(60, [0, 11, 6]).is_empty(),
            "the database was away: nobody could have moved"
        );
        assert!(observe(62, [0, 12, 7]).is_empty());
    }
}
