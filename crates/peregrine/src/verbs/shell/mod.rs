//! `peregrine shell`: a session in which VQL is typed and rows appear.

mod editor;

use super::vql;
use crate::ide::catalogue;
use crate::output::{self, Format, RowWriter};
use crate::progress::Progress;
use crate::remap::RemapArgs;
use crate::session;
use crate::session::stored::StoredArgs;
use crate::session::terminal_log::TerminalLog;
use crate::terminal::{self, Style};
use crate::{diagnostics, registry};
use clap::ValueEnum as _;
use parking_lot::Mutex;
use peregrine_artifacts::Repository;
use peregrine_engine::prelude::*;
use peregrine_vql_ide::{Surroundings, scan};
use std::io::{BufRead as _, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// Arguments of `shell`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How rows are printed: a table on a terminal and JSON lines otherwise.
    #[arg(long)]
    format: Option<Format>,
    /// A string variable for the queries; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = session::parse_pair)]
    env: Vec<(String, String)>,
    /// A folder with artifact definitions; may be repeated.
    #[arg(short = 'D', long, value_name = "DIR")]
    definitions: Vec<PathBuf>,
    #[command(flatten)]
    stored: StoredArgs,
    #[command(flatten)]
    remap: RemapArgs,
    /// Memory a query may hold with what the session keeps, such as `512M` or `4G`; by default half of what is free.
    #[arg(long, value_name = "SIZE", value_parser = crate::memory::parse_size)]
    max_memory: Option<u64>,
    /// Show debug messages of the queries.
    #[arg(long)]
    debug: bool,
}

const HELP: &str = "\
Type a query; Enter runs it once it is whole, Alt-Enter begins a new line, Tab completes, Ctrl-R searches the history.
LETs stay. Ctrl-C stops the running query, Ctrl-D ends the shell.

  \\?         this help
  \\d NAME    the manual page of a function or plugin
  \\l         what there is: functions, plugins, accessors
  \\f FORMAT  how rows are printed: table, record, json, jsonl, csv
  \\q         end the shell";

/// Whether the shell continues.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next {
    Continue,
    End,
}

/// The state of a session.
struct Shell {
    scope: Scope,
    /// Stops the running query; used by the handler of Ctrl-C.
    running: Arc<Mutex<Cancellation>>,
    writer: Box<dyn RowWriter>,
    /// The session's LETs, for completion.
    lets: Arc<Mutex<Surroundings>>,
    had_failure: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let log = TerminalLog::new(args.debug, Progress::default());
    let repository = registry::repository(&args.definitions)?;
    let options = session::Options {
        env: args.env,
        timeout: None,
        log: log.clone(),
        repository: repository.clone(),
        dump_dir: None,
        remap: args.remap.load()?,
        stored: args.stored.open()?,
        max_memory: args.max_memory,
    };
    let (scope, cancellation) = session::open(&options)?;
    let format = args.format.unwrap_or_else(|| Format::default_for(false));
    let mut shell = Shell {
        scope,
        running: Arc::new(Mutex::new(cancellation)),
        writer: output::writer(format, None, &Progress::default())?,
        lets: Arc::new(Mutex::new(catalogue::surroundings())),
        had_failure: false,
    };
    if std::io::stdin().is_terminal() {
        shell.interact(&repository)?;
        shell.scope.close();
        return Ok(ExitCode::SUCCESS);
    }
    shell.read_through()?;
    shell.scope.close();
    Ok(if shell.had_failure || log.had_error() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

impl Shell {
    fn interact(&mut self, repository: &Repository) -> anyhow::Result<()> {
        let catalogue = catalogue::catalogue(&registry::registry(), repository);
        let mut editor = editor::Editor::new(catalogue, Arc::clone(&self.lets))?;
        stop_on_interrupt(Arc::clone(&self.running))?;
        eprintln!(
            "Peregrine {}; \\? for help, Ctrl-D to end.",
            env!("CARGO_PKG_VERSION")
        );
        while let Some(text) = editor.read()? {
            if self.take(&text) == Next::End {
                break;
            }
        }
        Ok(())
    }

    /// A statement ends where the next one begins, at an empty line, or at the end.
    fn read_through(&mut self) -> anyhow::Result<()> {
        let mut pending = String::new();
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let begins = scan::begins_statement(&line) || line.trim().is_empty();
            if begins
                && !scan::is_unfinished(&pending)
                && self.take(&std::mem::take(&mut pending)) == Next::End
            {
                return Ok(());
            }
            pending.push_str(&line);
            pending.push('\n');
        }
        self.take(&pending);
        Ok(())
    }

    /// Runs a statement. Errors are reported, and do not end the shell.
    fn take(&mut self, text: &str) -> Next {
        let text = text.trim();
        if text.is_empty() {
            return Next::Continue;
        }
        let outcome = match text.strip_prefix('\\') {
            Some(command) => self.command(command),
            None => self.query(text).map(|()| Next::Continue),
        };
        outcome.unwrap_or_else(|error| {
            self.had_failure = true;
            terminal::say(Style::Error, &format!("{error:#}"));
            Next::Continue
        })
    }

    fn command(&mut self, command: &str) -> anyhow::Result<Next> {
        let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let argument = argument.trim();
        match (name, argument) {
            ("q", _) => return Ok(Next::End),
            ("?" | "h", _) => println!("{HELP}"),
            ("l", _) => {
                vql::list("text")?;
            }
            ("d", "") => anyhow::bail!("write `\\d NAME`, such as `\\d pslist`"),
            ("d", name) => {
                vql::doc(name.trim_end_matches("()"))?;
            }
            ("f", format) => match Format::from_str(format, true) {
                Ok(format) => self.writer = output::writer(format, None, &Progress::default())?,
                Err(_) => anyhow::bail!("no format `{format}`; known are table, record, json, jsonl, csv"),
            },
            _ => anyhow::bail!("no command `\\{name}`; `\\?` lists them"),
        }
        Ok(Next::Continue)
    }

    fn query(&mut self, text: &str) -> anyhow::Result<()> {
        self.renew();
        let names = scan::let_names(text);
        let rows = AtomicU64::new(0);
        let program = diagnostics::compile("the statement", text)?;
        session::run_program(&self.scope, &program, self.writer.as_mut(), None, &rows)?;
        if !names.is_empty() {
            let mut lets = self.lets.lock();
            // New definitions replace older ones.
            lets.forget(&names);
            lets.add_before(text);
        }
        if self.running.lock().is_cancelled() {
            eprintln!("stopped");
        }
        Ok(())
    }

    /// After Ctrl-C, the session continues in a scope that is not cancelled and sees the LETs of the old one.
    fn renew(&mut self) {
        let mut running = self.running.lock();
        if running.is_cancelled() {
            *running = Cancellation::new();
            if let Some(account) = self.scope.context().memory() {
                account.renew(&running);
            }
            self.scope = self.scope.child_cancelled_by(running.clone());
        }
    }
}

/// Makes Ctrl-C stop the running query.
fn stop_on_interrupt(running: Arc<Mutex<Cancellation>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // The signal is handled from here on, not only once the thread is running.
    let mut interrupts = {
        let _guard = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?
    };
    std::thread::Builder::new()
        .name("interrupts".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                while interrupts.recv().await.is_some() {
                    running.lock().cancel();
                }
            });
        })?;
    Ok(())
}
