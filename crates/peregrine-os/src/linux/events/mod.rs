//! The three sources of process events on Linux, and the choice between them.

mod bpf;
mod cn_proc;
mod cn_proc_message;
mod poll;
mod record;
mod wait;

pub use bpf::BpfSource;
pub use cn_proc::ConnectorSource;
pub use poll::PollSource;

use crate::error::{Error, Result};
use crate::events::{Choice, ProcessEventSource, SourceKind, SourceOptions};
use std::path::Path;

/// Bytes of arguments kept per exec; the BPF program has the same limit.
const ARGV_CAP: usize = 8192;

/// Approximate maximum number of events returned at once.
const BATCH: usize = 4096;

/// Opens the best source that works here: `preferred` if it does, else BPF, the proc connector, polling, in
/// this order. The result says which was chosen and why the ones before it were not.
pub fn open_best(
    preferred: Option<SourceKind>,
    options: &SourceOptions,
) -> Result<(Box<dyn ProcessEventSource>, Choice)> {
    let others = SourceKind::ALL
        .into_iter()
        .filter(|&kind| Some(kind) != preferred);
    let mut tried = Vec::new();
    let mut last_error = None;
    for kind in preferred.into_iter().chain(others) {
        match open(kind, options) {
            Ok(source) => return Ok((source, Choice { kind, tried })),
            Err(error) => {
                tried.push((kind, error.to_string()));
                last_error = Some(error);
            }
        }
    }
    Err(last_error.unwrap_or_else(|| Error::unavailable(SourceKind::Poll, "no source was tried")))
}

/// Opens this source or fails.
pub fn open(kind: SourceKind, options: &SourceOptions) -> Result<Box<dyn ProcessEventSource>> {
    Ok(match kind {
        SourceKind::Bpf => Box::new(BpfSource::open(options)?),
        SourceKind::ProcConnector => Box::new(ConnectorSource::open(options)?),
        SourceKind::Poll => Box::new(PollSource::open(options)?),
    })
}

/// The kernel reports pids of the initial pid namespace; in another one they would not match `/proc`.
fn require_initial_pid_namespace(kind: SourceKind) -> Result<()> {
    const INITIAL: &str = "pid:[4026531836]"; // PROC_PID_INIT_INO
    match std::fs::read_link("/proc/self/ns/pid") {
        Ok(name) if name == Path::new(INITIAL) => Ok(()),
        Ok(name) => Err(Error::unavailable(
            kind,
            format_args!(
                "we run in pid namespace `{}`, not the initial one",
                name.display()
            ),
        )),
        Err(error) => Err(Error::read("/proc/self/ns/pid", error)),
    }
}
