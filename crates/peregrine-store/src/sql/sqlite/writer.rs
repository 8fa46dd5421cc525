//! The single writing thread. Writes that wait together share a transaction, and so a disk flush: thousands of agents
//! cost a few commits a second. If a write fails, the others are done again without it.

use super::mark::{self, Mark};
use super::tx::SqliteTx;
use crate::sql::Tx;
use crate::sql::work::{Task, Work};
use crate::{Error, Result};
use rusqlite::Connection;
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Most writes per transaction: limits how long the first of them waits.
const MAX_BATCH: usize = 512;
/// Writes queued; beyond this, callers wait.
const QUEUE: usize = 4096;

enum Job {
    Write(Box<dyn Work>),
    /// Move the content of the log file to the database file; not possible within a transaction.
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

    /// Runs `work` in a transaction and returns once it is committed. `work` may run more than once.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (work, answer) = Task::prepare(work);
        self.send(Job::Write(work)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Moves everything committed from the log into the database file.
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
    /// Commits the queued writes before the file closes.
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
        let mut works = vec![first];
        let failure = match commit(connection, &mut works, &mut queue, &mut next, &mark) {
            Ok(number) => {
                // Before callers are told, so that every acknowledged state is marked.
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
        for work in works {
            work.answer(failure.clone());
        }
    }
    if let Err(error) = checkpoint(connection) {
        tracing::warn!(%error, "the database's log file was not merged; the next start does it");
    }
}

/// Busy readers may keep part of the log from being moved; the next checkpoint moves it.
fn checkpoint(connection: &Connection) -> Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Commits these writes and others that are queued, which are added to `works`; returns the transaction's number.
fn commit(
    connection: &Connection,
    works: &mut Vec<Box<dyn Work>>,
    queue: &mut mpsc::Receiver<Job>,
    left: &mut Option<Job>,
    mark: &Mark,
) -> Result<u64> {
    if !all_together(connection, works, queue, left)? {
        execute(connection, "ROLLBACK")?;
        each_by_itself(connection, works)?;
    }
    mark.check_place()?;
    let number = mark::count(connection)?;
    execute(connection, "COMMIT")?;
    Ok(number)
}

/// Runs the works without savepoints, for which SQLite copies every page it changes. Nearly always all of them succeed;
/// false if one failed, and then the transaction must be rolled back.
fn all_together(
    connection: &Connection,
    works: &mut Vec<Box<dyn Work>>,
    queue: &mut mpsc::Receiver<Job>,
    left: &mut Option<Job>,
) -> Result<bool> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let mut done = 0;
    while let Some(work) = works.get_mut(done) {
        let failure = work.run(&SqliteTx(connection));
        still_open(connection, failure.as_ref())?;
        if failure.is_some() {
            return Ok(false);
        }
        done += 1;
        if done < MAX_BATCH {
            match queue.try_recv() {
                Ok(Job::Write(work)) => works.push(work),
                Ok(other) => {
                    *left = Some(other);
                    break;
                }
                Err(_) => {}
            }
        }
    }
    Ok(true)
}

/// Runs all works again with a savepoint each, so that those that fail do not affect the others.
fn each_by_itself(connection: &Connection, works: &mut [Box<dyn Work>]) -> Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    for work in works {
        execute(connection, "SAVEPOINT job")?;
        let failure = work.run(&SqliteTx(connection));
        still_open(connection, failure.as_ref())?;
        if failure.is_some() {
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    Ok(())
}

/// SQLite may have rolled everything back by itself (disk full, out of memory): then the whole batch failed.
fn still_open(connection: &Connection, failure: Option<&Error>) -> Result<()> {
    if connection.is_autocommit() {
        return Err(failure
            .cloned()
            .unwrap_or_else(|| Error::Sql("transaction was rolled back".into())));
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &'static str) -> Result<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
