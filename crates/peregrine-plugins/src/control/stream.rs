//! Rows of queries that run beside the plugin, so that it can also act when no row comes.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use peregrine_engine::prelude::*;

/// How often a wait looks whether the query was cancelled.
const POLL: Duration = Duration::from_millis(50);

/// Queries running in threads of their own; ends them when it goes.
pub(super) struct Stream {
    rows: Option<Receiver<Row>>,
    token: Cancellation,
    workers: Vec<JoinHandle<()>>,
}

/// What came.
pub(super) enum Next {
    Row(Row),
    /// The moment waited for.
    Due,
    /// All queries are done.
    Ended,
}

impl Stream {
    /// Starts the queries; at most `capacity` rows wait before they do.
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
                    // A closed channel means that nobody wants more.
                    let _ = query.run(&inner, &mut FnSink(|row| sender.send(row).map_err(|_| Stop)));
                })
                .map_err(|error| format!("cannot start a thread: {error}"))?;
            stream.workers.push(worker);
        }
        Ok(stream)
    }

    /// The next row; or that `due` has come, or that there are no more.
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

/// Seconds of an argument, within reason.
pub(super) fn seconds(value: i64) -> Duration {
    Duration::from_secs(u64::try_from(value).unwrap_or(0).min(366 * 86_400))
}
