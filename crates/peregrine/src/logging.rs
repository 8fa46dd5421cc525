//! Logs: structured, on standard error, quiet for tools and informative for services.

use crate::terminal::{self, Plain};
use peregrine_plugins::RecentLog;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, LazyLock};
use tracing_subscriber::EnvFilter;

static RECENT: LazyLock<Arc<RecentLog>> = LazyLock::new(Arc::default);

/// The last lines that were logged, for `trace()`.
pub(crate) fn recent() -> Arc<RecentLog> {
    Arc::clone(&RECENT)
}

/// Writes to standard error and to the recent lines; each event is one write.
struct Tee;

impl Write for Tee {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        RECENT.push(line);
        if io::stderr().is_terminal() {
            Plain::with_colours(io::stderr()).write_all(line)?;
        } else {
            io::stderr().write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Installs the subscriber. `PEREGRINE_LOG` overrides the level, in the usual `target=level` form.
pub(crate) fn start(verbose: u8, json: bool, is_service: bool) {
    let level = match (verbose, is_service) {
        (0, false) => "warn",
        (0, true) => "info",
        (1, _) => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env("PEREGRINE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(format!("warn,peregrine={level},peregrine_agent={level},peregrine_server={level},peregrine_services={level},peregrine_store={level},peregrine_plugins={level}")));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Tee)
        .with_target(false);
    if json {
        builder.json().init();
    } else {
        builder.with_ansi(terminal::is_coloured(&io::stderr())).init();
    }
}
