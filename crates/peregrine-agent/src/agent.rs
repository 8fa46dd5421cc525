//! The agent as a whole: opens its state, connects the parts, runs until told to end.

use crate::buffer::Buffer;
use crate::checkpoint::Checkpoints;
use crate::connector::Connector;
use crate::executor::Executor;
use crate::host::HostFacts;
use crate::monitoring::Monitoring;
use crate::outbox::Outbox;
use crate::runner::QueryRunner;
use crate::transport::Dialer;
use crate::writeback::WritebackStore;
use crate::{receiver, sender, tls};
use anyhow::Context;
use peregrine_engine::Cancellation;
use peregrine_wire::config::ClientConfig;
use peregrine_wire::ids;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where the agent keeps things.
#[derive(Debug, Clone)]
pub struct AgentPaths {
    /// The writeback file.
    pub writeback: PathBuf,
    /// The store-and-forward buffer.
    pub buffer: PathBuf,
    /// A folder for checkpoints of running collections.
    pub checkpoints: PathBuf,
}

/// How the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to here.
    Stopped,
    /// The server told it to; the service manager is expected to start it again.
    Killed,
}

/// Runs an agent on this thread until `stop` is cancelled or the server ends it.
pub fn run(
    config: ClientConfig,
    paths: &AgentPaths,
    runner: Arc<dyn QueryRunner>,
    mut facts: HostFacts,
    stop: &Cancellation,
) -> anyhow::Result<Ended> {
    let config = Arc::new(config);
    let writeback = Arc::new(WritebackStore::open(&paths.writeback, &config.level2_writeback_suffix)?);
    let key = Arc::new(writeback.key()?);
    let client_id = ids::client_id(key.public());
    facts.install_time = writeback.install_time();
    tracing::info!(client_id, version = facts.client_version, "agent started");

    let buffer = Buffer::open(&paths.buffer, config.local_buffer.disk_size)?;
    let outbox = Arc::new(Outbox::new(buffer));
    if outbox.pending_bytes() > 0 {
        tracing::info!(bytes = outbox.pending_bytes(), "answers of the last run wait to be sent");
    }
    let checkpoints = Checkpoints::open(&paths.checkpoints)
        .with_context(|| format!("checkpoint folder `{}`", paths.checkpoints.display()))?;
    let work = stop.child();
    let dialer = Dialer {
        tls: Arc::new(tls::client_config(&config)?),
        server_name: config.use_self_signed_ssl.then(|| config.pinned_server_name().to_owned()),
        timeout: config.connection_timeout(),
        silence: config.ws_ping_wait().mul_f32(1.1) + Duration::from_secs(5),
    };
    let connector = Arc::new(Connector::new(
        Arc::clone(&config),
        key,
        &client_id,
        dialer,
        Arc::clone(&outbox),
        Arc::clone(&writeback),
        work.clone(),
    )?);
    let monitoring = Monitoring::start(Arc::clone(&outbox), Arc::clone(&runner), writeback, &work);
    let killed = Arc::new(AtomicBool::new(false));
    let on_kill = {
        let (killed, work) = (Arc::clone(&killed), work.clone());
        Box::new(move || {
            killed.store(true, Ordering::Relaxed);
            work.cancel();
        })
    };
    let executor = Executor::new(Arc::clone(&outbox), runner, checkpoints, monitoring, work.clone(), config.concurrency(), on_kill);

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .context("starting the network runtime")?;
    runtime.block_on(async {
        let sending = tokio::spawn(sender::run(Arc::clone(&connector), Arc::clone(&outbox)));
        let receiving = tokio::spawn(receiver::run(Arc::clone(&connector), Arc::clone(&executor), Arc::new(facts)));
        let ended = work.clone();
        while !ended.is_cancelled() && !sending.is_finished() && !receiving.is_finished() {
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        for (name, task) in [("sending", sending), ("receiving", receiving)] {
            if task.is_finished() && !ended.is_cancelled() {
                tracing::error!(name, "a loop of the agent ended by itself; the agent ends too");
            }
            task.abort();
        }
    });
    executor.shut_down();
    outbox.close();
    runtime.shutdown_timeout(Duration::from_secs(2));
    tracing::info!("agent ended");
    Ok(if killed.load(Ordering::Relaxed) { Ended::Killed } else { Ended::Stopped })
}
