//! `peregrine agent`: the agent of this machine.

use crate::remap::{self, Remap, RemapArgs};
use crate::{host, memory, registry, small_heap};
use anyhow::Context as _;
use peregrine_accessors::AccessorManager;
use peregrine_agent::{AgentPaths, Ended, EngineRunner, HostFacts};
use peregrine_engine::Cancellation;
use peregrine_engine::memory::Pool;
use peregrine_os::Machine as _;
use peregrine_plugins::StateFolder;
use peregrine_wire::config::Config;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Arguments of `agent`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The client configuration, as `peregrine gui` and `peregrine server` write it.
    #[arg(short, long, env = "PEREGRINE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// Folder for the agent's state, instead of the places in the configuration.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Memory one query may hold, such as `512M`; by default a quarter of what there is for this program, from 64M to 1G.
    #[arg(long, value_name = "SIZE", value_parser = memory::parse_size)]
    max_memory: Option<u64>,
    #[command(flatten)]
    remap: RemapArgs,
    /// End when the process that started this one ends.
    #[arg(long, hide = true)]
    with_parent: Option<i32>,
}

/// Exit code after the server has ended the agent; the service manager restarts it.
const KILLED: u8 = 255;

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    small_heap::restart();
    if let Some(parent) = args.with_parent {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
        // The parent may have ended before the kernel was asked to report that.
        let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        anyhow::ensure!(
            now == Some(parent),
            "the server that started this agent has ended"
        );
    }
    let text = std::fs::read_to_string(&args.config)
        .with_context(|| format!("reading the client configuration `{}`", args.config.display()))?;
    let config = Config::from_yaml(&text)
        .with_context(|| format!("client configuration `{}`", args.config.display()))?;
    let client = config.client;
    let paths = paths(&client, args.state.as_deref())?;
    let stop = Cancellation::new();
    stop_on_signals(&stop)?;

    let state = StateFolder(paths.checkpoints.parent().unwrap_or(Path::new(".")).to_owned());
    let remap = match args.remap.load()? {
        Some(remap) => Some(remap),
        None => Remap::of_config(&text)
            .with_context(|| format!("client configuration `{}`", args.config.display()))?,
    };
    let facts = facts(&client.labels, remap.as_ref())?;
    let there_is = peregrine_os::linux::memory_for_us();
    let limits = peregrine_agent::memory_limits(there_is, args.max_memory, client.max_memory_hard_limit);
    let pool = Pool::new(memory::gauge(), limits);
    peregrine_agent::watch_memory(Arc::clone(&pool), memory::taken, stop.clone())?;
    let runner = EngineRunner::new(registry::registry(), &client, move |builder| {
        let builder = remap::accessors(builder, AccessorManager::default(), remap.as_ref());
        host::extend(builder).extension(Arc::new(state.clone()))
    })
    .with_memory(pool)
    .with_version("peregrine", env!("CARGO_PKG_VERSION"));
    release_code_when_idle(stop.clone())?;
    match peregrine_agent::run(client, &paths, Arc::new(runner), facts, &stop)? {
        Ended::Stopped => Ok(ExitCode::SUCCESS),
        Ended::Killed => Ok(ExitCode::from(KILLED)),
    }
}

/// Time between two checks of the resident code.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Maximum resident bytes of files; start-up alone leaves about 17 MB.
const RESIDENT_CODE: u64 = 6 << 20;

/// Returns pages of the program that start-up or a collection needed and an idle agent does not. Pages that
/// are used again come back with about 200 soft faults, well below a millisecond for each check.
fn release_code_when_idle(stop: Cancellation) -> anyhow::Result<()> {
    use peregrine_os::linux::{release_program_pages, resident_file_bytes};
    let watch = move || {
        while !stop.wait(LOOK_EVERY) {
            if resident_file_bytes().is_ok_and(|bytes| bytes > RESIDENT_CODE)
                && let Err(error) = release_program_pages()
            {
                tracing::debug!(%error, "could not give back pages of the program");
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("pages".to_owned())
        .stack_size(128 << 10)
        .spawn(watch)?;
    Ok(())
}

fn paths(client: &peregrine_wire::config::ClientConfig, state: Option<&Path>) -> anyhow::Result<AgentPaths> {
    let variable = |name: &str| std::env::var(name).ok();
    let folder = match state {
        Some(folder) => folder.to_owned(),
        None => {
            let writeback = PathBuf::from(client.writeback(variable));
            writeback
                .parent()
                .map(Path::to_owned)
                .context("the configuration names no writeback file")?
        }
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("creating the agent's folder `{}`", folder.display()))?;
    let (writeback, buffer) = match state {
        Some(folder) => (folder.join("writeback.yaml"), folder.join("buffer.bin")),
        None => (
            PathBuf::from(client.writeback(variable)),
            buffer(client.local_buffer.file(variable), &folder),
        ),
    };
    Ok(AgentPaths {
        writeback,
        buffer,
        checkpoints: folder.join("checkpoints"),
    })
}

/// The buffer file. Configurations name a file in a folder that everybody can write to; one that others may
/// have put there is not used.
fn buffer(configured: Option<String>, folder: &Path) -> PathBuf {
    let own = folder.join("buffer.bin");
    let Some(configured) = configured.map(PathBuf::from) else {
        return own;
    };
    match peregrine_agent::check_own_file(&configured) {
        Ok(()) => configured,
        Err(error) => {
            tracing::error!(
                configured = %configured.display(), %error, used = %own.display(),
                "the configured buffer file can not be trusted; another is used"
            );
            own
        }
    }
}

/// The facts reported to the server about this machine, or about the one that queries see instead.
pub(crate) fn facts(labels: &[String], remap: Option<&Remap>) -> anyhow::Result<HostFacts> {
    let mut host = peregrine_os::linux::LinuxMachine::new()?.host()?;
    if let Some(identity) = remap.and_then(Remap::identity) {
        host.hostname.clone_from(&identity.hostname);
        host.fqdn.clone_from(&identity.hostname);
        if !identity.os.is_empty() {
            host.os.clone_from(&identity.os);
        }
        host.platform.clear();
        host.platform_version.clear();
    }
    Ok(HostFacts {
        hostname: host.hostname,
        fqdn: host.fqdn,
        system: host.os,
        release: format!("{} {}", host.platform, host.platform_version)
            .trim()
            .to_owned(),
        architecture: peregrine_plugins::go_architecture(&host.architecture).to_owned(),
        client_name: "peregrine".to_owned(),
        client_version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: labels.to_vec(),
        ..HostFacts::default()
    })
}

/// Cancels when a signal asks the program to end.
pub(crate) fn stop_on_signals(stop: &Cancellation) -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = stop.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .stack_size(256 << 10)
        .spawn(move || {
            runtime.block_on(async move {
                let mut waiting = Vec::new();
                for kind in crate::signals::that_end().chain([SignalKind::quit()]) {
                    if let Ok(mut received) = signal(kind) {
                        let stop = stop.clone();
                        waiting.push(tokio::spawn(async move {
                            if received.recv().await.is_some() {
                                stop.cancel();
                            }
                        }));
                    }
                }
                for task in waiting {
                    let _ = task.await;
                }
            });
        })?;
    Ok(())
}
