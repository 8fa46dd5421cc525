//! `peregrine pool-client`: many agents in one process, as load for a server.

use crate::verbs::agent;
use crate::{host, memory, registry, signals, small_heap};
use anyhow::Context as _;
use peregrine_accessors::AccessorManager;
use peregrine_agent::EngineRunner;
use peregrine_engine::memory::Pool as MemoryPool;
use peregrine_os::linux::LinuxMachine;
use peregrine_plugins::StateFolder;
use peregrine_pool::{Counts, Options, Pool, Transport};
use peregrine_wire::config::Config;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Arguments of `pool-client`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of agents.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    count: u32,
    /// The client configuration, as `peregrine gui` and `peregrine server` write it.
    #[arg(short, long, env = "PEREGRINE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// Folder for the keys, so that the same agents come back; by default a temporary one.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// How agents wait for work; by default as the URLs of the configuration say.
    #[arg(long, value_enum)]
    transport: Option<TransportName>,
    /// Collections that run at the same time; by default one per processor.
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// New connections per second; by default as fast as possible.
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    connect_rate: Option<f64>,
    /// Print a line of JSON with what the agents have done, at this interval as well as on SIGUSR1 and at the end.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    report: Option<u64>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum TransportName {
    /// A websocket.
    Websocket,
    /// Requests that the server answers when there is work.
    Poll,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("give a number above 0".to_owned()),
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    small_heap::restart();
    let shown = args.config.display();
    let text = std::fs::read_to_string(&args.config)
        .with_context(|| format!("reading the client configuration `{shown}`"))?;
    let mut client = Config::from_yaml(&text)
        .with_context(|| format!("client configuration `{shown}`"))?
        .client;
    // Limits of CPU time are about the machine, which all agents share.
    client.low_resource_cpu_count = 0;
    let state = match &args.state {
        Some(folder) => folder.clone(),
        None => std::env::temp_dir().join(format!("peregrine-pool-{}", std::process::id())),
    };
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let limits = peregrine_agent::memory_limits(peregrine_os::linux::memory_for_us(), None, 0);
    let folder = StateFolder(state.clone());
    let engine = EngineRunner::new(registry::registry(), &client, move |builder| {
        host::extend(builder)
            .extension(Arc::new(AccessorManager::default()))
            .extension(Arc::new(folder.clone()))
    })
    .with_memory(MemoryPool::new(memory::gauge(), limits))
    .with_version("peregrine", env!("CARGO_PKG_VERSION"));
    let facts = agent::facts(&client.labels, None)?;

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // From here on no signal ends the program halfway.
    let requests = runtime.block_on(async { Requests::new(args.report) })?;
    let pool = Pool::start(
        Options {
            config: client,
            state: &state,
            count: usize::try_from(args.count)?,
            transport: args.transport.map(|name| match name {
                TransportName::Websocket => Transport::Websocket,
                TransportName::Poll => Transport::Poll,
            }),
            threads: args.threads.unwrap_or(cores),
            connect_rate: args.connect_rate,
            machine: Arc::new(LinuxMachine::new()?),
            facts,
        },
        engine,
    )?;
    runtime.block_on(requests.serve(&pool));
    print(&pool.stop());
    if args.state.is_none()
        && let Err(error) = std::fs::remove_dir_all(&state)
    {
        tracing::warn!(folder = %state.display(), %error, "the temporary folder was not deleted");
    }
    Ok(ExitCode::SUCCESS)
}

/// What asks for a report, and for the end.
struct Requests {
    report: Signal,
    ends: Vec<Signal>,
    interval: Option<tokio::time::Interval>,
}

impl Requests {
    fn new(seconds: Option<u64>) -> std::io::Result<Requests> {
        let ends: std::io::Result<Vec<Signal>> = signals::that_end()
            .chain([SignalKind::quit()])
            .map(signal)
            .collect();
        Ok(Requests {
            report: signal(SignalKind::user_defined1())?,
            ends: ends?,
            interval: seconds.map(|seconds| {
                let period = Duration::from_secs(seconds);
                tokio::time::interval_at(tokio::time::Instant::now() + period, period)
            }),
        })
    }

    /// Prints reports until a signal asks for the end.
    async fn serve(mut self, pool: &Pool) {
        loop {
            let (ends, interval) = (&mut self.ends, &mut self.interval);
            let end = std::future::poll_fn(|context| {
                let is_over = ends.iter_mut().any(|end| end.poll_recv(context).is_ready());
                if is_over {
                    std::task::Poll::Ready(())
                } else {
                    std::task::Poll::Pending
                }
            });
            let tick = async {
                match interval {
                    Some(interval) => interval.tick().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = end => return,
                _ = self.report.recv() => {}
                _ = tick => {}
            }
            print(&pool.counts());
        }
    }
}

/// Prints a report. Nobody may be reading, and the pool goes on.
fn print(counts: &Counts) {
    if let Ok(line) = serde_json::to_string(counts) {
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}
