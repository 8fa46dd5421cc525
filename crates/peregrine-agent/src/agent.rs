//! The agent as a whole: opens its state, connects the parts, and runs until it is told to stop.

use crate::host::HostFacts;
use crate::net::connector::Connector;
use crate::net::receiver;
use crate::net::sender;
use crate::net::tls;
use crate::net::transport::Dialer;
use crate::state::buffer::Buffer;
use crate::state::checkpoint::Checkpoints;
use crate::state::lock::FolderLock;
use crate::state::message_size;
use crate::state::outbox::Outbox;
use crate::state::owner;
use crate::state::writeback::WritebackStore;
use crate::work::executor::Executor;
use crate::work::flow::FlowSettings;
use crate::work::identity::{Identified, Renewal};
use crate::work::monitoring::Monitoring;
use crate::work::runner::QueryRunner;
use anyhow::Context;
use peregrine_engine::Cancellation;
use peregrine_wire::config::ClientConfig;
use peregrine_wire::ids;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long running work may take to end when the agent does.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often the agent checks whether it should end.
const TICK: Duration = Duration::from_millis(100);

/// Where the agent stores its state.
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
    /// It was stopped from this process.
    Stopped,
    /// The server told it to end; the service manager is expected to restart it.
    Killed,
}

/// How long sending what is left under an old identity may take.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Runs an agent on this thread until `stop` is cancelled or the server ends it. It ends about a second after
/// that; unsent messages wait in the buffer for the next start. When its identity is renewed, it restarts in
/// place.
///
/// An error means that the agent could not start, because its state, buffer or configuration cannot be used.
pub fn run(
    config: ClientConfig,
    paths: &AgentPaths,
    runner: Arc<dyn QueryRunner>,
    facts: HostFacts,
    stop: &Cancellation,
) -> anyhow::Result<Ended> {
    let config = Arc::new(config);
    let _lock = FolderLock::take(&paths.writeback)?;
    loop {
        let end = run_identity(&config, paths, &runner, facts.clone(), stop)?;
        if let Some(end) = end {
            tracing::info!("agent ended");
            return Ok(end);
        }
    }
}

/// Runs the agent under one identity; `None` when another one has replaced it.
fn run_identity(
    config: &Arc<ClientConfig>,
    paths: &AgentPaths,
    runner: &Arc<dyn QueryRunner>,
    mut facts: HostFacts,
    stop: &Cancellation,
) -> anyhow::Result<Option<Ended>> {
    let writeback = Arc::new(WritebackStore::open(
        &paths.writeback,
        &config.level2_writeback_suffix,
    )?);
    let key = Arc::new(writeback.key()?);
    let client_id = ids::client_id(key.public());
    facts.install_time = writeback.install_time();
    tracing::info!(client_id, version = facts.client_version, "agent started");

    // Without a disk buffer, the size allowed in memory applies to the file: it survives a restart.
    let size = if config.local_buffer.disk_size > 0 {
        config.local_buffer.disk_size
    } else {
        config.local_buffer.memory_size
    };
    let outbox = Arc::new(Outbox::new(
        Buffer::open(&paths.buffer, size)?,
        message_size::largest(config.max_upload_size),
    ));
    if outbox.pending_bytes() > 0 {
        tracing::info!(
            bytes = outbox.pending_bytes(),
            "answers of the last run wait to be sent"
        );
    }
    let checkpoints = Checkpoints::open(&paths.checkpoints, !config.disable_checkpoints)
        .with_context(|| format!("checkpoint folder `{}`", paths.checkpoints.display()))?;
    owner::settle(&paths.buffer, &client_id, &outbox, &checkpoints);
    checkpoints.recover(&outbox);

    let network = stop.child();
    let work = network.child();
    let identity = Renewal::new(Arc::clone(&writeback), work.clone());
    let runner: Arc<dyn QueryRunner> = Arc::new(Identified {
        runner: Arc::clone(runner),
        identity: Arc::clone(&identity),
    });
    let connector = Connector::new(
        Arc::clone(config),
        key,
        &client_id,
        dialer(config)?,
        Arc::clone(&outbox),
        Arc::clone(&writeback),
        network.clone(),
    )?;
    let settings = FlowSettings {
        concurrency: usize::try_from(config.concurrency).unwrap_or(usize::MAX),
        max_wait: Duration::from_secs(config.default_max_wait),
        stats_update: Duration::from_secs(config.default_server_flow_stats_update),
    };
    let monitoring = Monitoring::start(
        Arc::clone(&outbox),
        Arc::clone(&runner),
        writeback,
        &work,
        settings.max_wait,
    );
    let killed = Arc::new(AtomicBool::new(false));
    let on_kill = {
        let (killed, network) = (Arc::clone(&killed), network.clone());
        Box::new(move || {
            killed.store(true, Ordering::Relaxed);
            network.cancel();
        })
    };
    let executor = Executor::new(
        Arc::clone(&outbox),
        runner,
        checkpoints,
        monitoring,
        work.clone(),
        settings,
        on_kill,
    );
    let talked = talk(connector, &executor, &outbox, facts, &network, &work);
    executor.shut_down(PATIENCE);
    outbox.close();
    talked?;
    Ok(if killed.load(Ordering::Relaxed) {
        Some(Ended::Killed)
    } else if stop.is_cancelled() || !identity.is_asked_for() {
        Some(Ended::Stopped)
    } else {
        None
    })
}

fn dialer(config: &ClientConfig) -> anyhow::Result<Dialer> {
    Ok(Dialer {
        tls: Arc::new(tls::client_config(config)?),
        server_name: config
            .use_self_signed_ssl
            .then(|| config.pinned_server_name.clone()),
        timeout: Duration::from_secs(config.connection_timeout),
        fallback: config.fallback_addresses.clone(),
        silence: Duration::from_secs(config.ws_ping_wait_sec).mul_f32(1.1) + Duration::from_secs(5),
        deaths: AtomicU64::new(0),
    })
}

/// Sends and receives until the network is cancelled. When only the work is cancelled, sends what is left and
/// ends.
fn talk(
    connector: Connector,
    executor: &Arc<Executor>,
    outbox: &Arc<Outbox>,
    facts: HostFacts,
    network: &Cancellation,
    work: &Cancellation,
) -> anyhow::Result<()> {
    let connector = Arc::new(connector);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .context("starting the network runtime")?;
    let failed = runtime.block_on(async {
        let sending = tokio::spawn(sender::run(Arc::clone(&connector), Arc::clone(outbox)));
        let receiving = tokio::spawn(receiver::run(connector, Arc::clone(executor), facts));
        let is_alive = || !network.is_cancelled() && !sending.is_finished() && !receiving.is_finished();
        while is_alive() && !work.is_cancelled() {
            tokio::time::sleep(TICK).await;
        }
        if is_alive() {
            let executor = Arc::clone(executor);
            let ending = tokio::task::spawn_blocking(move || executor.shut_down(PATIENCE));
            let deadline = Instant::now() + LAST_WORDS;
            while is_alive() && Instant::now() < deadline && !(ending.is_finished() && outbox.is_empty()) {
                tokio::time::sleep(TICK).await;
            }
            return false;
        }
        // Either loop returns only when the network is cancelled; otherwise it has panicked.
        !network.is_cancelled()
    });
    network.cancel();
    // Requests that still wait for an answer, or for a name to be resolved, are dropped.
    runtime.shutdown_background();
    anyhow::ensure!(!failed, "a loop of the agent crashed; please report this");
    Ok(())
}
