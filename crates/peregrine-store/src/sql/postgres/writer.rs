//! Writing connections. Writes that wait together for one of them share a transaction, and so a flush of the server's
//! log.
//!
//! Several connections, and several servers, write at once, and most writes read before they change something. Each write
//! names its subject (a client, a list), and a transaction first takes the locks of all its subjects, in order: no two
//! see the same old state, and no deadlock arises.

use super::connection::{Access, Connection};
use super::is_worth_repeating;
use super::settings::PostgresSettings;
use super::tx::PostgresTx;
use crate::sql::work::{Task, Work};
use crate::sql::{Subject, Tx};
use crate::{Error, Result};
use std::cell::RefCell;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::mpsc;

/// Number of writing connections.
const CONNECTIONS: usize = 4;
/// Most writes per transaction: limits how long the first of them waits, and how many locks it holds, as a server has
/// room for some thousand.
const MAX_BATCH: usize = 128;
/// Writes queued per connection; beyond this, callers wait.
const QUEUE: usize = 1024;
/// How often a batch is tried on temporary failures, and the first pause in between.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(20);

/// Work and the locks of its subject.
struct Job {
    locks: Vec<i64>,
    work: Box<dyn Work>,
}

/// Handle of the writing threads.
#[derive(Debug)]
pub(super) struct Writer {
    queues: Vec<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(settings: &Arc<PostgresSettings>) -> Result<Writer> {
        let mut writer = Writer {
            queues: Vec::new(),
            threads: Vec::new(),
        };
        for number in 0..CONNECTIONS {
            let (sender, queue) = mpsc::channel(QUEUE);
            let settings = settings.clone();
            let thread = std::thread::Builder::new()
                .name(format!("postgres-writer-{number}"))
                .spawn(move || write(&settings, queue))?;
            writer.queues.push(sender);
            writer.threads.push(thread);
        }
        Ok(writer)
    }

    /// Runs `work` in a transaction and returns once it is committed. `work` may run more than once.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        subject: &Subject,
        work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let locks = subject.locks();
        let first = locks.first().copied().unwrap_or(0);
        let (work, answer) = Task::prepare(work);
        let job = Job { locks, work };
        // Writes with the same subject use the same connection, in order.
        let queue = self
            .queues
            .get(first.unsigned_abs() as usize % CONNECTIONS)
            .ok_or(Error::Closed)?;
        queue.send(job).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

impl Drop for Writer {
    /// Commits the queued writes before it returns.
    fn drop(&mut self) {
        self.queues.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn write(settings: &PostgresSettings, mut queue: mpsc::Receiver<Job>) {
    let mut connection: Option<Connection> = None;
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        while jobs.len() < MAX_BATCH {
            match queue.try_recv() {
                Ok(job) => jobs.push(job),
                Err(_) => break,
            }
        }
        let failure = commit(settings, &mut connection, &mut jobs).err();
        if let Some(error) = &failure {
            tracing::warn!(%error, writes = jobs.len(), "a transaction failed");
        }
        for job in jobs {
            job.work.answer(failure.clone());
        }
    }
}

/// How a transaction ended, unless it failed as a whole.
enum End {
    Committed,
    /// A job failed that shared it with others: everything was rolled back.
    OneFailed,
}

/// Commits all jobs in one transaction, tried again if another one was in its way or the connection was lost before the
/// commit.
fn commit(settings: &PostgresSettings, kept: &mut Option<Connection>, jobs: &mut [Job]) -> Result<()> {
    let mut pause = PAUSE;
    let mut attempt = 1;
    // Nearly always all jobs succeed, and a savepoint for each would double the statements sent to the server.
    let mut has_savepoints = false;
    loop {
        match once(settings, kept, jobs, has_savepoints) {
            Ok(End::Committed) => return Ok(()),
            Ok(End::OneFailed) => has_savepoints = true,
            Err(error) if attempt < ATTEMPTS && is_worth_repeating(&error) => {
                tracing::debug!(%error, attempt, "a transaction is tried again");
                std::thread::sleep(pause);
                pause *= 2;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// One attempt. A failed `COMMIT` is not repeated: the server may or may not have committed.
fn once(
    settings: &PostgresSettings,
    kept: &mut Option<Connection>,
    jobs: &mut [Job],
    has_savepoints: bool,
) -> Result<End> {
    let mut connection = match kept.take() {
        Some(connection) if !connection.is_closed() => connection,
        _ => Connection::open(settings, Access::Write)?,
    };
    let outcome = begin_and_run(&mut connection, jobs, has_savepoints);
    if matches!(outcome, Ok(Some(End::Committed))) {
        connection
            .batch("COMMIT")
            .map_err(|error| Error::Sql(format!("the end of a transaction was not confirmed: {error}")))?;
        *kept = Some(connection);
        return Ok(End::Committed);
    }
    // If the rollback fails, the connection is gone and the transaction with it.
    if connection.batch("ROLLBACK").is_ok() {
        *kept = Some(connection);
    }
    // The only job failed: that job's own result tells its caller.
    outcome.map(|end| end.unwrap_or(End::Committed))
}

/// Runs the jobs and leaves the transaction open; `None` if the only job failed, so that nothing is left to commit.
fn begin_and_run(connection: &mut Connection, jobs: &mut [Job], has_savepoints: bool) -> Result<Option<End>> {
    let mut locks: Vec<i64> = jobs.iter().flat_map(|job| job.locks.iter().copied()).collect();
    locks.sort_unstable();
    locks.dedup();
    // A single round trip, however many locks.
    let mut begin = "BEGIN".to_owned();
    for lock in locks {
        begin.push_str(&format!("; SELECT pg_advisory_xact_lock({lock})"));
    }
    connection.batch(&begin)?;
    let is_alone = jobs.len() == 1;
    for job in jobs {
        if has_savepoints {
            connection.batch("SAVEPOINT job")?;
        }
        match job.work.run(&PostgresTx(RefCell::new(connection))) {
            None if has_savepoints => connection.batch("RELEASE SAVEPOINT job")?,
            None => {}
            // Affects all of them, or may succeed next time.
            Some(error) if is_worth_repeating(&error) || connection.is_closed() => return Err(error),
            Some(_) if is_alone => return Ok(None),
            Some(_) if has_savepoints => {
                connection.batch("ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job")?;
            }
            Some(_) => return Ok(Some(End::OneFailed)),
        }
    }
    Ok(Some(End::Committed))
}
