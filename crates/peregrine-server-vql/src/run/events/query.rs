//! One event query, on a thread of its own.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use peregrine_artifacts::{Kind, Outcome, run_request};
use peregrine_engine::json::Encoder;
use peregrine_engine::log::LogSink;
use peregrine_engine::memory;
use peregrine_engine::prelude::*;
use peregrine_engine::{Cancellation, Stop};
use peregrine_services::clock;
use peregrine_services::events::{Origin, alert_line, timestamp};
use peregrine_services::monitoring::server::EventQuery;
use peregrine_services::users::Principal;
use regex::Regex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::keep::{self, Piece};
use crate::run::Queries;

/// Rows and messages that wait to be stored.
const WAITING: usize = 1000;
/// The first pause before a query that failed starts again, and the longest: each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A query that ran this long before it failed is given the first pause again.
const CALM: Duration = Duration::from_secs(600);

/// An event query of this server.
pub(super) struct Running {
    pub(super) query: EventQuery,
    pub(super) cancellation: Cancellation,
    /// Cancelled when it has ended and everything is stored.
    pub(super) over: CancellationToken,
}

/// Starts a query.
pub(super) fn start(queries: &Arc<Queries>, query: EventQuery) -> Running {
    let (pieces, receiver) = mpsc::channel(WAITING);
    let running = Running {
        query,
        cancellation: Cancellation::new(),
        over: CancellationToken::new(),
    };
    let pattern = &queries.core.settings.collection_error_regex;
    let worker = Worker {
        queries: Arc::clone(queries),
        query: running.query.clone(),
        cancellation: running.cancellation.clone(),
        pieces: pieces.clone(),
        errors: Some(pattern)
            .filter(|pattern| !pattern.is_empty())
            .and_then(|pattern| Regex::new(pattern).ok()),
    };
    queries.runtime.spawn(keep::keep(
        Arc::clone(&queries.core),
        running.query.artifact.as_str().into(),
        receiver,
        running.cancellation.clone(),
        running.over.clone(),
    ));
    let spawned = std::thread::Builder::new()
        .name("server events".to_owned())
        .spawn(move || worker.run());
    if let Err(error) = spawned {
        let artifact = &running.query.artifact;
        tracing::error!(artifact, %error, "no thread for an event query");
        let message = format!("does not run: no thread could be started: {error}");
        // The channel is empty, so there is room.
        let _ = pieces.try_send(Piece::log(Level::Error, &message));
    }
    running
}

struct Worker {
    queries: Arc<Queries>,
    query: EventQuery,
    cancellation: Cancellation,
    pieces: mpsc::Sender<Piece>,
    /// Messages that count as errors whatever their level.
    errors: Option<Regex>,
}

/// How one run of a query ended.
enum End {
    /// It must not run any longer.
    Stopped,
    /// There is nothing more to come, or nothing to do on this machine.
    Complete(&'static str),
    Failed(String),
}

impl Worker {
    /// Runs the query, again and again if it fails.
    fn run(self) {
        let artifact = &self.query.artifact;
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            let (level, message, is_over) = match self.run_once() {
                End::Stopped => return,
                End::Complete(how) => (Level::Info, format!("{artifact}: {how}"), true),
                End::Failed(why) => {
                    if began.elapsed() > CALM {
                        pause = FIRST_PAUSE;
                    }
                    let seconds = pause.as_secs();
                    tracing::warn!(artifact, why, seconds, "an event query failed");
                    let message = format!("{artifact} failed and starts again in {seconds} s: {why}");
                    (Level::Error, message, false)
                }
            };
            let told = self.pieces.blocking_send(Piece::log(level, &message));
            if is_over || told.is_err() || self.cancellation.wait(pause) {
                return;
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn run_once(&self) -> End {
        // Its memory limit ends a run, not the query.
        let cancellation = self.cancellation.child();
        let messages = Arc::new(Messages {
            artifact: self.query.artifact.clone(),
            pieces: self.pieces.clone(),
            errors: self.errors.clone(),
            trouble: Mutex::default(),
        });
        let log: Arc<dyn LogSink> = Arc::clone(&messages) as _;
        let principal = Principal::of_server();
        let scope = self
            .queries
            .scope(&principal, &BTreeMap::new(), &log, &cancellation, |context| {
                context
            });
        let account = scope.context().memory().cloned();
        let artifact = &self.query.artifact;
        scope.log(Level::Info, &format!("Starting query execution for {artifact}."));
        let mut sources: BTreeMap<String, Arc<str>> = BTreeMap::new();
        let mut take = |_: usize, source: &str, row: Row| {
            let mut json = Vec::new();
            Encoder::new(&scope).row(&row, &mut json);
            // The row is incomplete or wrong.
            if memory::has_ended() || json.is_empty() {
                return Err(Stop);
            }
            if row.get("_ts").is_none() {
                add_time(&mut json);
            }
            let source = sources
                .entry(source.to_owned())
                .or_insert_with(|| source.into())
                .clone();
            // Rows waiting to be stored no longer belong to the query.
            memory::outside(|| self.pieces.blocking_send(Piece::Row(source, json))).map_err(|_| Stop)
        };
        let run = AssertUnwindSafe(|| run_request(&scope, &self.query.request, &mut take));
        let outcome = catch_unwind(run);
        // Even after a panic, everything the query opened is closed.
        let closed = catch_unwind(AssertUnwindSafe(|| scope.close()));
        if self.cancellation.is_cancelled() {
            return End::Stopped;
        }
        if outcome.is_err() || closed.is_err() {
            return End::Failed("internal error; the log of the server has more".to_owned());
        }
        if let Some(reason) = account.and_then(|account| account.reason()) {
            return End::Failed(reason);
        }
        let trouble = messages.trouble.lock().take();
        match (outcome, trouble) {
            (Ok(Err(error)), _) => End::Failed(error.to_string()),
            (Ok(Ok(Outcome::Skipped)), _) => End::Complete("Skipping query due to preconditions"),
            (_, Some(trouble)) => End::Failed(trouble),
            _ => End::Complete("the query has ended"),
        }
    }
}

/// Adds the time to an encoded row.
fn add_time(json: &mut Vec<u8>) {
    if json.pop() != Some(b'}') {
        return;
    }
    let comma = if json.len() > 1 { "," } else { "" };
    json.extend(format!("{comma}\"_ts\":{}}}", timestamp(clock::now())).bytes());
}

/// Messages of a query.
struct Messages {
    artifact: String,
    pieces: mpsc::Sender<Piece>,
    errors: Option<Regex>,
    /// The last message that counts as an error.
    trouble: Mutex<Option<String>>,
}

impl LogSink for Messages {
    fn log(&self, level: Level, text: &str) {
        let matches = || self.errors.as_ref().is_some_and(|errors| errors.is_match(text));
        let is_error = level == Level::Error || !matches!(level, Level::Debug | Level::Alert) && matches();
        if is_error {
            *self.trouble.lock() = Some(text.to_owned());
        }
        let level = if is_error { Level::Error } else { level };
        if level == Level::Alert {
            let origin = Origin {
                artifact: &self.artifact,
                kind: Some(Kind::ServerEvent),
                ..Origin::default()
            };
            let alert = Piece::Alert(alert_line(&origin, text, clock::now()));
            let _ = self.pieces.blocking_send(alert);
        }
        // Without a receiver the query has ended.
        let _ = self.pieces.blocking_send(Piece::log(level, text));
    }
}
