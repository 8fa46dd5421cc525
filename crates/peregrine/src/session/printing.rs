//! Runs queries and prints their rows, for `query` and `artifacts collect`.

use crate::diagnostics;
use crate::output::{self, Format, RowWriter};
use crate::progress::Progress;
use crate::remap::RemapArgs;
use crate::session::stored::Opened;
use crate::session::terminal_log::TerminalLog;
use crate::session::{self, Ended, Options};
use crate::signals::{self, GRACE, Interrupt};
use crate::terminal;
use peregrine_artifacts::Repository;
use peregrine_engine::Cancellation;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Arguments both verbs share.
#[derive(clap::Args)]
pub(crate) struct PrintArgs {
    /// How rows are printed: a table on a terminal and JSON lines otherwise.
    #[arg(long)]
    pub(crate) format: Option<Format>,
    /// Stop after this many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<Duration>,
    /// Memory the query may hold, such as `512M` or `4G`; by default half of what is free when it starts.
    #[arg(long, visible_alias = "hard_memory_limit", value_name = "SIZE", value_parser = crate::memory::parse_size)]
    max_memory: Option<u64>,
    /// Stop after this many rows.
    #[arg(long, visible_alias = "max_rows", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) max_rows: Option<u64>,
    /// Write rows to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A folder for what the query uploads; without it `upload()` has nowhere to send files.
    #[arg(long, visible_alias = "dump_dir", value_name = "DIR")]
    dump_dir: Option<PathBuf>,
    #[command(flatten)]
    remap: RemapArgs,
    /// Show debug messages of the query.
    #[arg(long)]
    pub(crate) debug: bool,
}

impl PrintArgs {
    /// What prints the rows.
    pub(crate) fn writer(&self, progress: &Progress) -> anyhow::Result<Box<dyn RowWriter>> {
        let format = self
            .format
            .unwrap_or_else(|| Format::default_for(self.output.is_some()));
        output::writer(format, self.output.as_deref(), progress)
    }

    /// An option that was given and only makes sense for queries on this machine.
    #[cfg(feature = "tools")]
    pub(crate) fn only_here(&self) -> Option<&'static str> {
        let options = [
            (self.max_memory.is_some(), "--max-memory"),
            (self.dump_dir.is_some(), "--dump-dir"),
            (self.remap.is_given(), "--remap"),
        ];
        options
            .iter()
            .find(|(is_given, _)| *is_given)
            .map(|(_, name)| *name)
    }
}

/// Runs texts in one scope. `what` is a name for all of them, for messages.
pub(crate) fn run(
    args: &PrintArgs,
    what: &str,
    texts: &[(String, String)],
    env: Vec<(String, String)>,
    repository: Repository,
    stored: Option<Opened>,
) -> anyhow::Result<ExitCode> {
    // All are parsed before anything runs, or a file is replaced.
    let programs = texts
        .iter()
        .map(|(name, text)| diagnostics::compile(name, text))
        .collect::<Result<Vec<_>, _>>()?;
    let progress = Progress::start();
    let log = TerminalLog::new(args.debug, progress.clone());
    let options = Options {
        stored,
        env,
        timeout: args.timeout,
        log: log.clone(),
        repository,
        dump_dir: args.dump_dir.clone(),
        remap: args.remap.load()?,
        max_memory: args.max_memory,
    };
    let (scope, cancellation) = session::open(&options)?;
    let interrupt = Interrupt::watch(&cancellation)?;
    if let Some(timeout) = args.timeout {
        end_anyway(cancellation.clone(), interrupt.clone(), what.to_owned(), timeout)?;
    }
    let mut writer = args.writer(&progress)?;
    let mut ended = Ended::Whole;
    for program in &programs {
        ended = session::run_program(&scope, program, writer.as_mut(), args.max_rows, &progress.rows)?;
        if ended != Ended::Whole {
            break;
        }
    }
    if ended != Ended::Unread {
        session::unless_unread(writer.end())?;
    }
    let was_cut = cancellation.is_cancelled();
    let was_ended = scope
        .context()
        .memory()
        .is_some_and(|account| account.reason().is_some());
    scope.close();
    progress.end();
    log.end();
    if was_ended {
        // The last message of the query says why.
        return Ok(ExitCode::FAILURE);
    }
    Outcome {
        what,
        ended,
        timeout: args.timeout.filter(|_| was_cut),
        progress: &progress,
        log: &log,
        interrupt: &interrupt,
    }
    .report()
}

/// How queries ended.
pub(crate) struct Outcome<'a> {
    /// A name for all of them.
    pub(crate) what: &'a str,
    pub(crate) ended: Ended,
    /// The time limit, if that ended them.
    pub(crate) timeout: Option<Duration>,
    pub(crate) progress: &'a Progress,
    pub(crate) log: &'a TerminalLog,
    pub(crate) interrupt: &'a Interrupt,
}

impl Outcome<'_> {
    /// Says what cut the queries short; returns the exit code.
    pub(crate) fn report(&self) -> anyhow::Result<ExitCode> {
        let Outcome { what, progress, .. } = self;
        if let Some(signal) = self.interrupt.received() {
            let rows = progress.rows.load(Ordering::Relaxed);
            terminal::say(
                terminal::Style::Error,
                &format!(
                    "peregrine: the {what} was stopped by signal {signal}, after {}",
                    terminal::counted(rows, "row")
                ),
            );
            return Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX)));
        }
        if let Some(timeout) = self.timeout {
            let seconds = timeout.as_secs_f64();
            anyhow::bail!("the {what} was stopped after {seconds} seconds (--timeout)");
        }
        if self.ended == Ended::Cut {
            let rows = progress.rows.load(Ordering::Relaxed);
            anyhow::bail!(
                "the {what} was stopped after {} (--max-rows)",
                terminal::counted(rows, "row")
            );
        }
        Ok(if self.log.had_error() {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Ends the program some seconds after the query should have ended, in case it hangs in the kernel.
fn end_anyway(
    cancellation: Cancellation,
    interrupt: Interrupt,
    what: String,
    timeout: Duration,
) -> anyhow::Result<()> {
    let watch = move || {
        while !cancellation.wait(Duration::from_secs(3600)) {}
        if interrupt.received().is_some() {
            // A signal ended the query; `Interrupt::watch` makes sure that the program ends, too.
            return;
        }
        std::thread::sleep(GRACE);
        // The reader of the rows may still be reading.
        while is_writing() {
            std::thread::sleep(GRACE);
        }
        let seconds = timeout.as_secs_f64();
        eprintln!(
            "peregrine: error: the {what} should have stopped after {seconds} seconds (--timeout) and hangs; rows may be missing"
        );
        signals::leave(1);
    };
    std::thread::Builder::new()
        .name("timeout".to_owned())
        .stack_size(128 << 10)
        .spawn(watch)?;
    Ok(())
}

/// Whether the main thread is waiting for the reader of its output.
fn is_writing() -> bool {
    let place = std::fs::read_to_string("/proc/self/wchan").unwrap_or_default();
    ["pipe_write", "tty_write", "unix_stream_sendmsg"]
        .iter()
        .any(|function| place.contains(function))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "write a number of seconds, such as `30`".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero());
    time.ok_or_else(|| "give more than 0 seconds, or leave it out".to_owned())
}
