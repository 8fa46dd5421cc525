//! Rows of queries that run on separate threads, so that a plugin can also act when no row comes.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use peregrine_engine::prelude::*;

/// How often a wait checks whether the query was cancelled.
const POLL: Duration = Duration::from_millis(50);

/// Queries running in their own threads; dropping it ends them.
pub(super) struct Stream {
    rows: Option<Receiver<Row>>,
    token: Cancellation,
    workers: Vec<JoinHandle<()>>,
}

/// The outcome of a wait.
pub(super) enum Next {
    Row(Row),
    /// The given moment has come.
    Due,
    /// All queries have ended.
    Ended,
}

impl Stream {
    /// Starts the queries; at most `capacity` rows are buffered before the queries wait.
    pub(super) fn start(scope: &Scope, queries: Vec<Query>, capacity: usize) -> VqlResult<Stream> {
        let (sender, receiver) = bounded(capacity);
        let token = scope.cancellation().child();
        let mut stream = Stream {
            rows: Some(receiver),
            token: token.clone(),
            workers: Vec::new(),
        };
        for query in queries {
            let (sender, inner) = (sender.clone(), scope.child_cancelled_by(token.clone()));
            let worker = thread::Builder::new()
                .name("vql-stream".into())
                .spawn(move || {
                    // A closed channel means that no more rows are wanted.
                    let _ = query.run(&inner, &mut FnSink(|row| sender.send(row).map_err(|_| Stop)));
                })
                .map_err(|error| format!("cannot start a thread: {error}"))?;
            stream.workers.push(worker);
        }
        Ok(stream)
    }

    /// The next row, or whether `due` has come, or whether there are no more rows.
    pub(super) fn next(&self, scope: &Scope, due: Option<Instant>) -> Result<Next, Stop> {
        let Some(rows) = &self.rows else {
            return Ok(Next::Ended);
        };
        loop {
            if scope.cancellation().is_cancelled() {
                return Err(Stop);
            }
            let left = due.map_or(POLL, |due| due.saturating_duration_since(Instant::now()));
            match rows.recv_timeout(left.min(POLL)) {
                Ok(row) => return Ok(Next::Row(row)),
                Err(RecvTimeoutError::Disconnected) => return Ok(Next::Ended),
                Err(RecvTimeoutError::Timeout) if left <= POLL && due.is_some() => return Ok(Next::Due),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.token.cancel();
        self.rows = None;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// An argument in seconds, clamped to a sensible range.
pub(super) fn seconds(value: i64) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0).min(366 * 86_400))
}
