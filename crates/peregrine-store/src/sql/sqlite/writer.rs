//! The one thread that writes. Writes that wait together share a transaction, and so a disk flush: thousands of agents
//! cost a few commits a second. Each write is a savepoint, so that a failing one does not take others with it.

use super::mark::{self, Mark};
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
type Work = Box<dyn FnOnce(&Connection) -> (Option<Error>, Answer) + Send>;

enum Job {
    Write(Work),
    /// Move what the log file holds to the database file; not within a transaction.
    Checkpoint(oneshot::Sender<Result<()>>),
}

/// Handle of the writing thread.
#[derive(Debug)]
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection, mark: Mark) -> Result<Writer> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || run(&connection, mark, queue))?;
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
        let job: Work = Box::new(move |connection| {
            let result = work(connection);
            let failure = result.as_ref().err().cloned();
            let tell: Answer = Box::new(move |batch| {
                let _ = sender.send(batch.map_or(result, Err));
            });
            (failure, tell)
        });
        self.send(Job::Write(job)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Brings everything that was committed into the database file.
    pub(super) async fn checkpoint(&self) -> Result<()> {
        let (sender, answer) = oneshot::channel();
        self.send(Job::Checkpoint(sender)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn send(&self, job: Job) -> Result<()> {
        let jobs = self.jobs.as_ref().ok_or(Error::Closed)?;
        jobs.send(job).await.map_err(|_| Error::Closed)
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

fn run(connection: &Connection, mut mark: Mark, mut queue: mpsc::Receiver<Job>) {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| queue.blocking_recv()) {
        let first = match job {
            Job::Write(work) => work,
            Job::Checkpoint(answer) => {
                let _ = answer.send(checkpoint(connection));
                continue;
            }
        };
        let mut answers = Vec::new();
        let outcome = batch(connection, first, &mut queue, &mut next, &mut answers, &mark);
        let failure = match outcome {
            Ok(number) => {
                // Before anybody is told, so that no state that was acknowledged goes unmarked.
                mark.note(number);
                None
            }
            Err(error) => {
                if !connection.is_autocommit() {
                    let _ = connection.execute_batch("ROLLBACK");
                }
                Some(error)
            }
        };
        for answer in answers {
            answer(failure.clone());
        }
    }
    if let Err(error) = checkpoint(connection) {
        tracing::warn!(%error, "the database's log file was not merged; the next start does it");
    }
}

/// Readers that are in the middle of something leave a rest, which the next checkpoint takes.
fn checkpoint(connection: &Connection) -> Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Gives the number of the transaction.
fn batch(
    connection: &Connection,
    first: Work,
    queue: &mut mpsc::Receiver<Job>,
    left: &mut Option<Job>,
    answers: &mut Vec<Answer>,
    mark: &Mark,
) -> Result<u64> {
    // A job dropped by an early return tells its caller `Closed`, which is temporary like the cause.
    execute(connection, "BEGIN IMMEDIATE")?;
    let mut next = Some(first);
    while let Some(work) = next.take() {
        execute(connection, "SAVEPOINT job")?;
        let (failure, answer) = work(connection);
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
            match queue.try_recv() {
                Ok(Job::Write(work)) => next = Some(work),
                Ok(other) => *left = Some(other),
                Err(_) => {}
            }
        }
    }
    mark.check_place()?;
    let number = mark::count(connection)?;
    execute(connection, "COMMIT")?;
    Ok(number)
}

fn execute(connection: &Connection, sql: &'static str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
