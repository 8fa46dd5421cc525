//! Connections that read, one per running read.

use super::connection::{Access, Connection};
use super::is_worth_repeating;
use super::settings::PostgresSettings;
use super::tx::PostgresTx;
use crate::sql::Tx;
use crate::{Error, Result};
use parking_lot::Mutex;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Reads at the same time.
const MAX_READERS: usize = 8;
/// How often a read is tried whose connection broke, and how long is waited in between at first.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// A pool of connections, opened on first use.
pub(super) struct Readers {
    settings: Arc<PostgresSettings>,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl Readers {
    pub(super) fn new(settings: Arc<PostgresSettings>) -> Readers {
        Readers {
            settings,
            permits: Arc::new(Semaphore::new(MAX_READERS)),
            idle: Arc::default(),
        }
    }

    /// Runs `work` on a thread for blocking work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&dyn Tx) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Error::Closed)?;
        let (idle, settings) = (self.idle.clone(), self.settings.clone());
        let task = tokio::task::spawn_blocking(move || {
            let mut pause = PAUSE;
            let mut attempt = 1;
            let result = loop {
                let outcome = once(&idle, &settings, &mut work);
                match outcome {
                    Err(error) if attempt < ATTEMPTS && is_worth_repeating(&error) => {
                        // The others have lost their server too.
                        idle.lock().clear();
                        std::thread::sleep(pause);
                        pause *= 2;
                        attempt += 1;
                    }
                    outcome => break outcome,
                }
            };
            drop(permit);
            result
        });
        task.await.map_err(|_| Error::Closed)?
    }
}

fn once<T>(
    idle: &Mutex<Vec<Connection>>,
    settings: &PostgresSettings,
    work: &mut impl FnMut(&dyn Tx) -> Result<T>,
) -> Result<T> {
    let reused = idle.lock().pop();
    let mut connection = match reused {
        Some(connection) if !connection.is_closed() => connection,
        _ => Connection::open(settings, Access::Read)?,
    };
    let result = work(&PostgresTx(RefCell::new(&mut connection)));
    if !connection.is_closed() {
        idle.lock().push(connection);
    }
    result
}

impl Drop for Readers {
    /// Closing waits for the server, which a thread of an asynchronous runtime must not do.
    fn drop(&mut self) {
        let idle = std::mem::take(&mut *self.idle.lock());
        let _ = std::thread::spawn(move || drop(idle)).join();
    }
}
