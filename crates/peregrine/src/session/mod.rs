//! A query session on this machine: registry, artifacts, log, limits.

pub(crate) mod printing;
#[cfg(feature = "server")]
pub(crate) mod stored;
#[cfg(not(feature = "server"))]
#[path = "nothing_stored.rs"]
pub(crate) mod stored;
pub(crate) mod terminal_log;

use crate::host;
use crate::output::RowWriter;
use crate::registry;
use crate::remap::{self, Remap};
use crate::session::stored::Opened;
use crate::session::terminal_log::TerminalLog;
use anyhow::Context as _;
use peregrine_accessors::{AccessorManager, UploaderHandle};
use peregrine_artifacts::Repository;
use peregrine_engine::log::LogSink;
use peregrine_engine::prelude::*;
use peregrine_engine::{Context, Program};
use peregrine_functions::FolderUploader;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Options of a session.
pub(crate) struct Options {
    pub(crate) env: Vec<(String, String)>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) log: Arc<TerminalLog>,
    pub(crate) repository: Repository,
    /// Destination of uploads.
    pub(crate) dump_dir: Option<PathBuf>,
    /// The data stored by a server.
    pub(crate) stored: Option<Opened>,
    /// The remapping of files and machine for queries.
    pub(crate) remap: Option<Remap>,
    /// Maximum bytes the query may hold; `None` for the default.
    pub(crate) max_memory: Option<u64>,
}

/// A scope ready to run VQL, and what cancels it.
pub(crate) fn open(options: &Options) -> anyhow::Result<(Scope, Cancellation)> {
    let cancellation = match options.timeout {
        Some(timeout) => Cancellation::with_deadline(timeout),
        None => Cancellation::new(),
    };
    let log = Arc::clone(&options.log) as Arc<dyn LogSink>;
    let mut context = host::extend(Context::builder())
        .registry(registry::registry())
        .memory(crate::memory::pool(options.max_memory).account(&cancellation, &log))
        .log(log)
        .cancellation(cancellation.clone())
        .extension(Arc::new(peregrine_agent::query_limiter()));
    if let Some(folder) = &options.dump_dir {
        let uploader = FolderUploader::new(folder)
            .with_context(|| format!("`{}` can not be used for uploads (--dump-dir)", folder.display()))?;
        context = context.extension(Arc::new(UploaderHandle::new(Arc::new(uploader))));
    }
    if let Some(opened) = &options.stored {
        context = opened.extend(context);
    }
    let context = remap::accessors(context, AccessorManager::default(), options.remap.as_ref()).build();
    let env = Dict::from_pairs(
        options
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    for (name, value) in environment(&options.repository).entries() {
        env.set(name, value);
    }
    let scope = Scope::root(&context, env);
    if let Some(remap) = &options.remap {
        remap.log_warnings(&scope);
    }
    Ok((scope, cancellation))
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
        ("config", Value::Dict(config.with_field_names())),
        ("Artifact", namespace.into_value()),
    ])
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was completed, or was cancelled.
    Whole,
    /// There were more rows than the limit.
    Cut,
    /// The reader (`head`) has closed the output.
    Unread,
}

/// Runs a program in a scope, printing rows as they come and counting them.
pub(crate) fn run_program(
    scope: &Scope,
    program: &Program,
    writer: &mut dyn RowWriter,
    max_rows: Option<u64>,
    rows: &AtomicU64,
) -> anyhow::Result<Ended> {
    for statement in program.statements() {
        let mut failure = None;
        let mut is_cut = false;
        let mut sink = FnSink(|row: Row| {
            if max_rows.is_some_and(|limit| rows.load(Ordering::Relaxed) >= limit) {
                is_cut = true;
                return Err(Stop);
            }
            rows.fetch_add(1, Ordering::Relaxed);
            writer.row(scope, &row).map_err(|error| {
                failure = Some(error);
                Stop
            })
        });
        let outcome = statement.run(scope, &mut sink);
        if let Some(error) = failure {
            return unless_unread(Err(error));
        }
        if statement.is_select() && unless_unread(writer.end_statement())? == Ended::Unread {
            return Ok(Ended::Unread);
        }
        if is_cut {
            return Ok(Ended::Cut);
        }
        if outcome.is_err() {
            break;
        }
    }
    Ok(Ended::Whole)
}

/// The result of writing rows; a reader that has closed the output is not a failure.
pub(crate) fn unless_unread(written: std::io::Result<()>) -> anyhow::Result<Ended> {
    match written {
        Ok(()) => Ok(Ended::Whole),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Ended::Unread),
        Err(error) => Err(error).context("writing rows"),
    }
}

/// `K=V`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not of the form NAME=VALUE"))
}
