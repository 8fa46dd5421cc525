//! Pooled reading connections: one for each running read, opened on first use and kept for later ones.

use crate::{Error, Result};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Most concurrent reads.
const MAX_READERS: usize = 8;

/// The connections of a database.
pub(super) struct Readers<C> {
    permits: Arc<Semaphore>,
    idle: Idle<C>,
}

/// Connections that are not in use.
pub(super) struct Idle<C>(Arc<Mutex<Vec<C>>>);

impl<C> Idle<C> {
    pub(super) fn take(&self) -> Option<C> {
        self.0.lock().pop()
    }

    pub(super) fn give_back(&self, connection: C) {
        self.0.lock().push(connection);
    }

    /// Takes all idle connections out of the pool.
    pub(super) fn drain(&self) -> Vec<C> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl<C> std::fmt::Debug for Readers<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

impl<C: Send + 'static> Readers<C> {
    pub(super) fn new() -> Readers<C> {
        Readers {
            permits: Arc::new(Semaphore::new(MAX_READERS)),
            idle: Idle(Arc::default()),
        }
    }

    pub(super) fn idle(&self) -> &Idle<C> {
        &self.idle
    }

    /// Runs `read` on a thread for blocking work, waiting while `MAX_READERS` others run.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Idle<C>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::Closed)?;
        let idle = Idle(self.idle.0.clone());
        let task = tokio::task::spawn_blocking(move || {
            let result = read(&idle);
            drop(permit);
            result
        });
        task.await.map_err(|_| Error::Closed)?
    }
}
