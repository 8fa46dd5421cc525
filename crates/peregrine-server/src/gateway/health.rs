//! `/healthz`: whether this server can store data.

use crate::shared::Shared;
use http::StatusCode;
use parking_lot::Mutex as FastMutex;
use peregrine_services::clock;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long a good result is reused: anybody may ask, without limit, and a probe writes to the database.
const PROBE_VALIDITY: Duration = Duration::from_secs(5);
/// How long after the last failure a successful probe clears the trouble; before that, only a stored packet does.
const RECOVERY: Duration = Duration::from_secs(60);
/// Below this the disk counts as full: the database needs some space even to delete.
const MIN_FREE: u64 = 50 << 20;

#[derive(Debug, Default)]
pub(crate) struct Health {
    last: Mutex<Option<Instant>>,
    failed: FastMutex<Option<Instant>>,
}

impl Health {
    /// Notes that something could not be stored.
    pub(super) fn failed(&self) {
        *self.failed.lock() = Some(Instant::now());
    }
}

/// 200, or 503 with the reason.
pub(super) async fn answer(shared: &Shared) -> (StatusCode, String) {
    if shared.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the server is stopping\n".into());
    }
    let health = &shared.gateway.health;
    let mut last = health.last.lock().await;
    let probed = if last.is_some_and(|at| at.elapsed() < PROBE_VALIDITY) {
        Ok(())
    } else {
        probe(shared).await
    };
    // Only a good result is reused, so that the end of trouble shows at once.
    *last = match *last {
        Some(at) if at.elapsed() < PROBE_VALIDITY => Some(at),
        _ => probed.is_ok().then(Instant::now),
    };
    let is_over = health.failed.lock().is_none_or(|at| at.elapsed() > RECOVERY);
    let mut trouble = shared.trouble.lock();
    if probed.is_ok() && is_over {
        *trouble = None;
    }
    match probed.err().or_else(|| trouble.clone()) {
        None => (StatusCode::OK, "ok\n".into()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason + "\n"),
    }
}

async fn probe(shared: &Shared) -> Result<(), String> {
    if let Some(free) = shared.core.storage.objects.free_bytes().await
        && free < MIN_FREE
    {
        return Err(format!("the disk is full: {free} bytes are free"));
    }
    let now = clock::now().to_string();
    let written = shared.core.storage.database.set_setting("health", &now).await;
    written.map_err(|error| error.to_string())
}
