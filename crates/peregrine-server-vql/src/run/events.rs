//! Server monitoring: event queries that run on the server for as long as they stand in its table, on one server at a time.
//! One that fails is started again after a pause; the others do not notice.

mod keep;
mod query;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use peregrine_engine::log::Level;
use peregrine_services::changes::topics;
use peregrine_services::monitoring::server::{self, EventQuery};
use peregrine_services::{Error, Result, servers};
use tokio_util::sync::CancellationToken;

use super::Queries;
use keep::{Piece, Store};
use query::Running;

/// The duty of the server that runs the event queries.
const DUTY: &str = "server-monitoring";
/// How often a server looks whether the duty is its own.
const LOOK: Duration = Duration::from_secs(2);
/// How long the duty counts as kept without an answer from the database. The other servers wait longer before one of them
/// takes it.
const UNSURE: Duration = Duration::from_secs(8);
/// How long a replaced query may take to end before its successor starts.
const LONGEST_END: Duration = Duration::from_secs(10);

/// Runs the event queries of the table while it is this server's duty, until `stopping`.
pub async fn monitor(queries: Arc<Queries>, stopping: CancellationToken) -> Result<()> {
    let core = &queries.core;
    let mut changes = core.storage.bus.subscribe(&[topics::SERVER_MONITORING]).await?;
    let mut monitor = Monitor {
        queries: Arc::clone(&queries),
        running: Vec::new(),
        refused: BTreeMap::new(),
        kept: None,
        is_stale: true,
    };
    loop {
        monitor.look().await;
        tokio::select! {
            // Whatever the news is, the table is read again.
            change = changes.next() => match change {
                Some(_) => monitor.is_stale = true,
                None => break,
            },
            () = tokio::time::sleep(LOOK) => {}
            () = stopping.cancelled() => break,
        }
    }
    monitor.stop_all().await;
    Ok(())
}

struct Monitor {
    queries: Arc<Queries>,
    running: Vec<Running>,
    /// Artifacts that can not run, and why; each is said once.
    refused: BTreeMap<String, String>,
    /// When the duty was last known to be this server's.
    kept: Option<Instant>,
    /// The table must be read again.
    is_stale: bool,
}

impl Monitor {
    /// Runs what should run here now.
    async fn look(&mut self) {
        let core = &self.queries.core;
        let database = &core.storage.database;
        match database.take_duty(DUTY, servers::this_server(core)).await {
            Ok(true) => self.kept = Some(Instant::now()),
            Ok(false) => self.kept = None,
            Err(error) => {
                tracing::debug!(%error, "not known who runs server monitoring");
                if self.kept.is_some_and(|kept| kept.elapsed() > UNSURE) {
                    self.kept = None;
                }
            }
        }
        if self.kept.is_none() {
            self.stop_all().await;
            self.is_stale = true;
        } else if self.is_stale {
            match self.update().await {
                Ok(()) => self.is_stale = false,
                Err(error) => tracing::warn!(%error, "the table of server monitoring is read again soon"),
            }
        }
    }

    /// Starts what the table has new, and ends what it no longer has; the rest goes on.
    async fn update(&mut self) -> Result<()> {
        let (wanted, refused) = server::queries(&self.queries.core).await?;
        let (kept, ended): (Vec<Running>, Vec<Running>) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|running| wanted.contains(&running.query));
        self.running = kept;
        end(ended).await;
        for query in wanted {
            if !self.running.iter().any(|running| running.query == query) {
                self.running.push(query::start(&self.queries, query));
            }
        }
        self.report(refused).await;
        Ok(())
    }

    /// Says in an artifact's log why it does not run.
    async fn report(&mut self, refused: Vec<(String, Error)>) {
        let refused: BTreeMap<String, String> = refused
            .into_iter()
            .map(|(artifact, error)| (artifact, error.to_string()))
            .collect();
        for (artifact, why) in &refused {
            if self.refused.get(artifact) == Some(why) {
                continue;
            }
            tracing::warn!(artifact, why, "an event artifact of the server does not run");
            let mut store = Store::new(artifact.as_str().into());
            store.add(Piece::log(Level::Error, &format!("does not run: {why}")));
            if let Err(error) = store.store(&self.queries.core).await {
                tracing::warn!(%error, "nor is that in its log");
            }
        }
        self.refused = refused;
    }

    async fn stop_all(&mut self) {
        end(std::mem::take(&mut self.running)).await;
    }
}

/// Ends queries, and waits until what they yielded is stored.
async fn end(running: Vec<Running>) {
    for query in &running {
        query.cancellation.cancel();
    }
    for query in running {
        if tokio::time::timeout(LONGEST_END, query.over.cancelled())
            .await
            .is_err()
        {
            let artifact: &EventQuery = &query.query;
            tracing::warn!(artifact = artifact.artifact, "an event query does not end");
        }
    }
}
