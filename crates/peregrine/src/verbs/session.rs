//! A query session on this machine: registry, artifacts, log, limits.

use crate::diagnostics;
use crate::folder_uploader::FolderUploader;
use crate::output::RowWriter;
use crate::registry;
use anyhow::Context as _;
use peregrine_accessors::{AccessorManager, UploaderHandle};
use peregrine_artifacts::Repository;
use peregrine_engine::Context;
use peregrine_engine::log::LogSink;
use peregrine_engine::prelude::*;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Messages of the query, on standard error.
pub(crate) struct TerminalLog {
    /// Also show DEBUG.
    pub(crate) is_verbose: bool,
    had_error: AtomicBool,
}

impl TerminalLog {
    pub(crate) fn new(is_verbose: bool) -> Arc<TerminalLog> {
        Arc::new(TerminalLog {
            is_verbose,
            had_error: AtomicBool::new(false),
        })
    }

    /// Whether anything was logged as an error.
    pub(crate) fn had_error(&self) -> bool {
        self.had_error.load(Ordering::Relaxed)
    }
}

impl LogSink for TerminalLog {
    fn log(&self, level: Level, text: &str) {
        if level == Level::Error {
            self.had_error.store(true, Ordering::Relaxed);
        }
        if level == Level::Debug && !self.is_verbose {
            return;
        }
        let (start, end) = match level {
            _ if !std::io::stderr().is_terminal() || std::env::var_os("NO_COLOR").is_some() => ("", ""),
            Level::Error => ("\x1b[31m", "\x1b[0m"),
            Level::Warn => ("\x1b[33m", "\x1b[0m"),
            _ => ("\x1b[2m", "\x1b[0m"),
        };
        eprintln!("{start}[{}] {text}{end}", level.name());
    }
}

/// What a session needs.
pub(crate) struct Options {
    pub(crate) env: Vec<(String, String)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) log: Arc<TerminalLog>,
    pub(crate) repository: Repository,
    /// Where uploads go.
    pub(crate) dump_dir: Option<PathBuf>,
}

/// A scope ready to run VQL, and what cancels it.
pub(crate) fn open(options: &Options) -> anyhow::Result<(Scope, Cancellation)> {
    let cancellation = match options.timeout {
        Some(timeout) => Cancellation::with_deadline(timeout),
        None => Cancellation::new(),
    };
    let mut context = Context::builder()
        .registry(registry::registry())
        .log(Arc::clone(&options.log) as Arc<dyn LogSink>)
        .cancellation(cancellation.clone())
        .extension(Arc::new(AccessorManager::default()));
    if let Some(folder) = &options.dump_dir {
        let uploader = FolderUploader::new(folder)
            .with_context(|| format!("`{}` can not be used for uploads (--dump-dir)", folder.display()))?;
        context = context.extension(Arc::new(UploaderHandle::new(Arc::new(uploader))));
    }
    let context = context.build();
    let env = Dict::from_pairs(
        options
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    for (name, value) in environment(&options.repository).entries() {
        env.set(name, value);
    }
    Ok((Scope::root(&context, env), cancellation))
}

/// The variables every session has.
pub(crate) fn environment(repository: &Repository) -> Dict {
    let version = Dict::from_pairs([("name", "peregrine"), ("version", env!("CARGO_PKG_VERSION"))]);
    let config = Dict::from_pairs([
        ("version", Value::Dict(version)),
        ("labels", Value::array(Vec::new())),
    ]);
    let namespace = peregrine_artifacts::Namespace::new(repository.clone());
    Dict::from_pairs([
        ("config", Value::Dict(config)),
        ("Artifact", namespace.into_value()),
    ])
}

/// Runs a text in a scope, printing rows as they come. Gives the number of rows.
pub(crate) fn run_text(
    scope: &Scope,
    text: &str,
    name: &str,
    writer: &mut dyn RowWriter,
    max_rows: Option<u64>,
    rows: &AtomicU64,
) -> anyhow::Result<()> {
    let program = peregrine_engine::Program::compile(text).map_err(|found| {
        anyhow::anyhow!(
            "{name} can not be parsed\n{}",
            diagnostics::render(name, text, &found)
        )
    })?;
    let mut failure = None;
    for statement in program.statements() {
        let mut sink = FnSink(|row: Row| {
            if max_rows.is_some_and(|limit| rows.load(Ordering::Relaxed) >= limit) {
                return Err(Stop);
            }
            rows.fetch_add(1, Ordering::Relaxed);
            writer.row(scope, &row).map_err(|error| {
                failure = Some(error);
                Stop
            })
        });
        let outcome = statement.run(scope, &mut sink);
        if let Some(error) = failure.take() {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                return Ok(()); // The reader (`head`) has seen enough.
            }
            return Err(error).context("writing rows");
        }
        if statement.is_select()
            && let Err(error) = writer.end_statement()
        {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                return Ok(());
            }
            return Err(error).context("writing rows");
        }
        if outcome.is_err() {
            break;
        }
    }
    Ok(())
}

/// `K=V`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not of the form NAME=VALUE"))
}
