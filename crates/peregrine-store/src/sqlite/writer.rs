//! The one thread that writes. Writes that wait together share a transaction, and so a disk flush: thousands of agents
//! cost a few commits a second. Each write is a savepoint, so that a failing one does not take others with it.

use crate::{Error, Result};
use rusqlite::Connection;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Most writes in one transaction: bounds how long the first of them waits.
const MAX_BATCH: usize = 512;
/// Writes that may wait; beyond this, callers wait.
const QUEUE: usize = 4096;

/// Tells the caller of a write how it ended; an error is one of the whole batch.
type Answer = Box<dyn FnOnce(Option<Error>) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> (Option<Error>, Answer) + Send>;

/// Handle of the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> Result<Writer> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || run(&connection, queue))?;
        Ok(Writer {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Runs `work` inside a transaction; returns after it was committed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (sender, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = work(connection);
            let failure = result.as_ref().err().cloned();
            let tell: Answer = Box::new(move |batch| {
                let _ = sender.send(batch.map_or(result, Err));
            });
            (failure, tell)
        });
        self.jobs
            .as_ref()
            .ok_or(Error::Closed)?
            .send(job)
            .await
            .map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Writer {
    /// Commits what was queued before the file closes.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, mut queue: mpsc::Receiver<Job>) {
    while let Some(first) = queue.blocking_recv() {
        let mut answers = Vec::new();
        let outcome = batch(connection, first, &mut queue, &mut answers);
        if outcome.is_err() && !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            answer(outcome.clone().err());
        }
    }
}

fn batch(
    connection: &Connection,
    first: Job,
    queue: &mut mpsc::Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> Result<()> {
    // A job dropped by an early return tells its caller `Closed`, which is temporary like the cause.
    execute(connection, "BEGIN IMMEDIATE")?;
    let mut next = Some(first);
    while let Some(job) = next.take() {
        execute(connection, "SAVEPOINT job")?;
        let (failure, answer) = job(connection);
        answers.push(answer);
        if connection.is_autocommit() {
            // SQLite rolled everything back by itself (disk full, out of memory): all of the batch failed.
            return Err(failure.unwrap_or_else(|| Error::Sql("transaction was rolled back".into())));
        }
        if failure.is_some() {
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
        if answers.len() < MAX_BATCH {
            next = queue.try_recv().ok();
        }
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, sql: &'static str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
