//! Stores what an event query yields, in batches.

use std::sync::Arc;
use std::time::Duration;

use peregrine_engine::Cancellation;
use peregrine_engine::log::Level;
use peregrine_services::{Core, Error, Result, clock, events, flows};
use peregrine_store::chunk::Chunk;
use peregrine_store::{ClientId, Effect, SetKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Longest time a row waits for others.
const PATIENCE: Duration = Duration::from_millis(200);
/// Bytes of rows stored at once.
const BATCH: usize = 1 << 20;
/// Length of a message.
const MAX_MESSAGE: usize = 8 << 10;
/// Pauses between attempts to store while the database is busy or away.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A part of what a query yields.
pub(super) enum Piece {
    /// A row of a source.
    Row(Arc<str>, Vec<u8>),
    /// A line of the log.
    Log(String),
    /// A row of the alerts, with its line end.
    Alert(String),
}

impl Piece {
    /// A message, for the log.
    pub(super) fn log(level: Level, text: &str) -> Piece {
        let text = text
            .get(..text.floor_char_boundary(MAX_MESSAGE))
            .unwrap_or_default();
        let at = clock::now() / 1_000_000;
        let line = serde_json::json!({"client_time": at, "level": level.name(), "message": text, "_ts": at});
        Piece::Log(line.to_string())
    }
}

/// Stores pieces until the query has ended. While the database is away, the query waits.
pub(super) async fn keep(
    core: Arc<Core>,
    artifact: Arc<str>,
    mut pieces: mpsc::Receiver<Piece>,
    cancellation: Cancellation,
    over: CancellationToken,
) {
    let _over = over.drop_guard();
    let mut store = Store::new(artifact);
    let mut due = None;
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                store.store_patiently(&core, &cancellation).await;
                continue;
            }
        };
        let Some(piece) = piece else { break };
        due.get_or_insert_with(|| Instant::now() + PATIENCE);
        store.add(piece);
        if store.bytes >= BATCH {
            due = None;
            store.store_patiently(&core, &cancellation).await;
        }
    }
    store.store_patiently(&core, &cancellation).await;
}

/// Pieces to be stored together.
pub(super) struct Store {
    artifact: Arc<str>,
    /// Lines of each source, in order of first appearance.
    rows: Vec<(Arc<str>, Vec<u8>)>,
    log: Vec<u8>,
    alerts: Vec<u8>,
    bytes: usize,
}

impl Store {
    pub(super) fn new(artifact: Arc<str>) -> Store {
        Store {
            artifact,
            rows: Vec::new(),
            log: Vec::new(),
            alerts: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn add(&mut self, piece: Piece) {
        match piece {
            Piece::Row(source, mut line) => {
                line.push(b'\n');
                self.bytes += line.len();
                match self.rows.iter_mut().find(|(known, _)| *known == source) {
                    Some((_, lines)) => lines.extend_from_slice(&line),
                    None => self.rows.push((source, line)),
                }
            }
            Piece::Log(line) => {
                self.bytes += line.len() + 1;
                self.log.extend_from_slice(line.as_bytes());
                self.log.push(b'\n');
            }
            Piece::Alert(line) => {
                self.bytes += line.len();
                self.alerts.extend_from_slice(line.as_bytes());
            }
        }
    }

    /// Stores everything once.
    pub(super) async fn store(&mut self, core: &Core) -> Result<()> {
        let effects = self.effects()?;
        flows::store(core, &ClientId::server(), effects).await
    }

    /// Stores everything, and tries again for as long as the query runs.
    async fn store_patiently(&mut self, core: &Core, cancellation: &Cancellation) {
        let artifact = Arc::clone(&self.artifact);
        let effects = match self.effects() {
            Ok(effects) => effects,
            Err(error) => return tracing::error!(%artifact, %error, "events of the server are lost"),
        };
        let mut pause = PAUSE;
        loop {
            match flows::store(core, &ClientId::server(), effects.clone()).await {
                Ok(()) => return,
                Err(Error::Store(error)) if error.is_temporary() && !cancellation.is_cancelled() => {
                    tracing::warn!(%artifact, %error, "events of the server are stored later");
                }
                Err(error) => return tracing::error!(%artifact, %error, "events of the server are lost"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn effects(&mut self) -> Result<Vec<Effect>> {
        self.bytes = 0;
        let rows = std::mem::take(&mut self.rows).into_iter();
        let rows = rows.map(|(source, lines)| (source.to_string(), SetKind::Events, lines));
        let log = std::mem::take(&mut self.log);
        let log = (!log.is_empty()).then(|| (self.artifact.to_string(), SetKind::EventLogs, log));
        let alerts = std::mem::take(&mut self.alerts);
        let alerts = (!alerts.is_empty()).then(|| (events::ALERTS.to_owned(), SetKind::Events, alerts));
        rows.chain(log)
            .chain(alerts)
            .map(|(source, kind, lines)| {
                Ok(Effect::Events {
                    source,
                    kind,
                    digest: events::digest()?,
                    at: clock::now(),
                    chunk: Chunk::pack(&lines)?,
                })
            })
            .collect()
    }
}
