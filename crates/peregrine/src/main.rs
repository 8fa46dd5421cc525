//! `peregrine`: server, agent and tools in one program. Verbs are in `verbs/`, one per file; allocator, TLS
//! provider and log subscriber are chosen here and nowhere else.
#![forbid(unsafe_code)]

#[cfg(feature = "server")]
mod data_folder;
mod diagnostics;
#[cfg(feature = "server")]
mod embedded_server;
mod files;
#[cfg(feature = "server")]
mod gui_files;
mod host;
#[cfg(feature = "tools")]
mod ide;
mod logging;
mod memory;
mod output;
mod progress;
mod registry;
mod remap;
#[cfg(feature = "tools")]
mod remote;
mod session;
mod signals;
mod small_heap;
mod terminal;
#[cfg(feature = "server")]
mod terminal_password;
mod verbs;

#[cfg(feature = "tools")]
use clap::CommandFactory as _;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Starts fast, stays small with many threads, returns memory, and counts what each thread holds.
#[global_allocator]
static ALLOCATOR: peregrine_os::Counting<mimalloc::MiMalloc> = peregrine_os::Counting(mimalloc::MiMalloc);

/// Endpoint visibility and digital forensics.
#[derive(Parser)]
#[command(version, propagate_version = true, max_term_width = 110)]
struct Cli {
    /// Print more on standard error; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Write logs as JSON lines.
    #[arg(long, global = true)]
    log_json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run VQL on this machine, or on a server.
    Query(verbs::query::Args),
    #[cfg(feature = "tools")]
    /// Type VQL and see rows: history, completion, several lines.
    Shell(verbs::shell::Args),
    /// List, show, check and collect artifacts.
    Artifacts(verbs::artifacts::Args),
    /// What the language offers: functions, plugins, accessors; formatting.
    Vql(verbs::vql::Args),
    #[cfg(feature = "tools")]
    /// Serve an editor: diagnostics, completion and more while VQL is written.
    Lsp(verbs::lsp::Args),
    #[cfg(feature = "tools")]
    /// Run snapshot tests of queries.
    Golden(verbs::golden::Args),
    #[cfg(feature = "server")]
    /// Server, web GUI and an agent for this machine, on embedded storage.
    Gui(verbs::gui::Args),
    #[cfg(feature = "server")]
    /// The server and its web GUI.
    #[command(alias = "frontend")]
    Server(verbs::server::Args),
    #[cfg(feature = "server")]
    /// The accounts of a server.
    User(verbs::user::Args),
    #[cfg(feature = "server")]
    /// Make files from the configuration of a server.
    Config(verbs::config::Args),
    /// The agent of this machine.
    #[command(alias = "client")]
    Agent(verbs::agent::Args),
    #[cfg(feature = "tools")]
    /// Many agents in one process, as load for a server.
    ///
    /// Each has an id and a host name of its own, pool-00001 and so on, and answers the server like an agent of this machine.
    /// Their keys are made from few primes, so that thousands are ready in seconds. Such keys protect nothing: whoever has the
    /// public ones can compute the private ones. Use them only with a server for tests.
    PoolClient(verbs::pool_client::Args),
    #[cfg(feature = "tools")]
    /// Print the script with which a shell completes this command line.
    Completion(verbs::describe::CompletionArgs),
    #[cfg(feature = "tools")]
    /// Write manual pages.
    Man(verbs::describe::ManArgs),
    #[cfg(feature = "starlark")]
    /// The process in which `starl()` runs a script.
    #[command(hide = true)]
    StarlarkWorker,
    /// The process between a query and a program it runs, which ends all of it.
    #[command(hide = true)]
    ProgramGuard(verbs::program_guard::Args),
}

impl Verb {
    /// True for verbs that run until they are told to stop.
    fn is_service(&self) -> bool {
        match self {
            Verb::Agent(_) => true,
            #[cfg(feature = "tools")]
            Verb::PoolClient(_) => true,
            #[cfg(feature = "server")]
            Verb::Server(_) => true,
            // A user at a terminal should see the address, the password, and any problems.
            #[cfg(feature = "server")]
            Verb::Gui(_) => !std::io::IsTerminal::is_terminal(&std::io::stderr()),
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Fails only if called twice, and this is the only call.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let _ = peregrine_plugins::program_start();
    logging::start(cli.verbose, cli.log_json, cli.verb.is_service());
    let as_json = cli.log_json;
    let outcome = match cli.verb {
        Verb::Query(args) => verbs::query::run(args),
        #[cfg(feature = "tools")]
        Verb::Shell(args) => verbs::shell::run(args),
        Verb::Artifacts(args) => verbs::artifacts::run(args),
        Verb::Vql(args) => verbs::vql::run(args),
        #[cfg(feature = "tools")]
        Verb::Lsp(args) => verbs::lsp::run(args),
        #[cfg(feature = "tools")]
        Verb::Golden(args) => verbs::golden::run(args),
        #[cfg(feature = "server")]
        Verb::Gui(args) => verbs::gui::run(args),
        #[cfg(feature = "server")]
        Verb::Server(args) => verbs::server::run(args),
        #[cfg(feature = "server")]
        Verb::User(args) => verbs::user::run(args),
        #[cfg(feature = "server")]
        Verb::Config(args) => verbs::config::run(args),
        Verb::Agent(args) => verbs::agent::run(args),
        #[cfg(feature = "tools")]
        Verb::PoolClient(args) => verbs::pool_client::run(args),
        #[cfg(feature = "tools")]
        Verb::Completion(args) => verbs::describe::completion(&args, Cli::command()),
        #[cfg(feature = "tools")]
        Verb::Man(args) => verbs::describe::man(&args, Cli::command()),
        #[cfg(feature = "starlark")]
        Verb::StarlarkWorker => verbs::starlark_worker::run(),
        Verb::ProgramGuard(args) => verbs::program_guard::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            if let Some(refused) = error.downcast_ref::<diagnostics::Refused>().filter(|_| as_json) {
                refused.to_json().for_each(|finding| eprintln!("{finding}"));
                return ExitCode::FAILURE;
            }
            terminal::say(terminal::Style::Error, &format!("peregrine: error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
