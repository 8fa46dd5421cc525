//! Stores what a collection on the server yields, in batches.

use std::sync::Arc;
use std::time::Duration;

use peregrine_services::{Core, Error, Result, clock, events, flows};
use peregrine_store::chunk::Chunk;
use peregrine_store::{ClientId, Effect, FlowId, FlowState, Progress};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::query::Entered;

/// Longest time a row waits for others.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of rows stored at once.
const BATCH: usize = 1 << 20;
/// How often, and after which pauses, storing is tried again while the database is busy.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// A part of the results.
pub(super) enum Piece {
    /// A row of a source.
    Row(Arc<str>, Vec<u8>),
    /// A line of the log.
    Log(Vec<u8>),
    /// A row of the alerts, with its line end.
    Alert(String),
    /// Something about a file.
    File(Box<Effect>),
    /// The state; the last one ends the collection.
    Progress(Box<Progress>),
}

/// Stores pieces until the collection has ended. When that fails, the queries are cancelled.
pub(super) async fn keep(
    core: Arc<Core>,
    flow_id: FlowId,
    entered: Entered,
    mut pieces: mpsc::Receiver<Piece>,
) {
    let mut batch = Batch::new(flow_id.clone());
    let mut due = None;
    let mut has_ended = false;
    loop {
        let piece = tokio::select! {
            piece = pieces.recv() => piece,
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                due = None;
                if let Err(error) = batch.store(&core).await {
                    return give_up(&core, flow_id, &entered, &error).await;
                }
                continue;
            }
        };
        let Some(piece) = piece else { break };
        due.get_or_insert_with(|| Instant::now() + PATIENCE);
        has_ended |= matches!(&piece, Piece::Progress(progress) if progress.end.is_some());
        batch.add(piece);
        if batch.bytes >= BATCH || has_ended {
            due = None;
            if let Err(error) = batch.store(&core).await {
                return give_up(&core, flow_id, &entered, &error).await;
            }
        }
    }
    if !has_ended {
        let why = entered.query.cancelled();
        let why = why.unwrap_or_else(|| "internal error; the log of the server has more".to_owned());
        batch.add(Piece::Progress(Box::new(failed(why))));
    }
    if let Err(error) = batch.store(&core).await {
        give_up(&core, flow_id, &entered, &error).await;
    }
}

/// Cancels the queries, whose rows cannot be stored, and says so in the collection if that can be stored.
async fn give_up(core: &Core, flow_id: FlowId, entered: &Entered, error: &Error) {
    tracing::error!(%flow_id, %error, "results of a collection on the server are not stored");
    let why = format!("what was collected can not be stored: {error}");
    entered.query.cancel(&why);
    let progress = failed(why);
    let ended = Effect::Progress { flow_id, progress };
    if let Err(error) = flows::store(core, &ClientId::server(), vec![ended]).await {
        tracing::error!(%error, "nor is the state of the collection");
    }
}

fn failed(why: String) -> Progress {
    Progress {
        end: Some((FlowState::Error, Some(why))),
        ..Progress::default()
    }
}

/// Pieces to be stored together.
struct Batch {
    flow_id: FlowId,
    /// Lines of each source, in order of first appearance.
    rows: Vec<(Arc<str>, Vec<u8>)>,
    log: Vec<u8>,
    alerts: String,
    rest: Vec<Effect>,
    bytes: usize,
}

impl Batch {
    fn new(flow_id: FlowId) -> Batch {
        Batch {
            flow_id,
            rows: Vec::new(),
            log: Vec::new(),
            alerts: String::new(),
            rest: Vec::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, piece: Piece) {
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
                self.log.extend_from_slice(&line);
                self.log.push(b'\n');
            }
            Piece::Alert(line) => {
                self.bytes += line.len();
                self.alerts += &line;
            }
            Piece::File(effect) => self.rest.push(*effect),
            Piece::Progress(progress) => self.rest.push(Effect::Progress {
                flow_id: self.flow_id.clone(),
                progress: *progress,
            }),
        }
    }

    async fn store(&mut self, core: &Core) -> Result<()> {
        let flow_id = &self.flow_id;
        let mut effects = Vec::new();
        for (source, lines) in std::mem::take(&mut self.rows) {
            effects.push(Effect::Rows {
                flow_id: flow_id.clone(),
                source: source.to_string(),
                start_row: None,
                chunk: Chunk::pack(&lines)?,
            });
        }
        if !self.log.is_empty() {
            effects.push(Effect::Logs {
                flow_id: flow_id.clone(),
                start_row: None,
                chunk: Chunk::pack(&std::mem::take(&mut self.log))?,
            });
        }
        if !self.alerts.is_empty() {
            let lines = std::mem::take(&mut self.alerts);
            effects.push(events::alerts(&lines, events::digest()?, clock::now())?);
        }
        effects.append(&mut self.rest);
        self.bytes = 0;
        let mut tries = 0;
        loop {
            tries += 1;
            match flows::store(core, &ClientId::server(), effects.clone()).await {
                Err(Error::Store(error)) if error.is_temporary() && tries < TRIES => {
                    tokio::time::sleep(PAUSE * tries).await;
                }
                stored => return stored,
            }
        }
    }
}
