//! Waits for a server, but no longer than the query lasts.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use peregrine_engine::prelude::*;
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::{Instant, timeout};

/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(50);
/// How long to spend on telling a server that its work is no longer wanted.
const FAREWELL: Duration = Duration::from_secs(2);

/// A runtime on the thread of the query. It makes progress only while somebody waits.
pub(super) struct Waiter<'a> {
    scope: &'a Scope,
    /// `None` only while it is being dropped.
    runtime: Option<Runtime>,
}

impl<'a> Waiter<'a> {
    pub(super) fn new(scope: &'a Scope) -> VqlResult<Waiter<'a>> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| format!("no runtime for the network could be started: {error}"))?;
        Ok(Waiter {
            scope,
            runtime: Some(runtime),
        })
    }

    /// Waits for the work to finish, the query to end, or the timeout.
    pub(super) fn wait<T>(
        &self,
        within: Option<Duration>,
        work: impl Future<Output = Result<T, String>>,
    ) -> VqlResult<T> {
        let Some(runtime) = &self.runtime else {
            return Err(VqlError::Stopped);
        };
        runtime.block_on(async {
            let mut work = pin!(work);
            let end = within.and_then(|within| Instant::now().checked_add(within));
            loop {
                if self.scope.cancellation().is_cancelled() {
                    return Err(VqlError::Stopped);
                }
                if let Ok(done) = timeout(TICK, work.as_mut()).await {
                    return done.map_err(VqlError::from);
                }
                if end.is_some_and(|end| Instant::now() >= end) {
                    let seconds = within.unwrap_or_default().as_secs_f64();
                    return Err(format!("no answer within {seconds} seconds").into());
                }
            }
        })
    }

    /// Does something for a short time, although the query has ended.
    pub(super) fn say_farewell(&self, work: impl Future<Output = ()>) {
        if let Some(runtime) = &self.runtime {
            // A server that does not answer is left alone.
            let _ = runtime.block_on(async { timeout(FAREWELL, work).await });
        }
    }

    /// Makes this the runtime in which libraries start tasks, such as closing a connection.
    pub(super) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.runtime.as_ref().map(Runtime::enter)
    }
}

impl Drop for Waiter<'_> {
    /// A slow name lookup is left to itself.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
