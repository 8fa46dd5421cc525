//! Live process events, and the interface of their sources.

use crate::error::Result;
use crate::model::{Argv, StartTime, whole_name};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Something that happened to a process. Events of one process come in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// A process was created.
    Fork(Fork),
    /// A process started to run another program.
    Exec(Box<Exec>),
    /// A process ended, with its last thread.
    Exit(Exit),
    /// This many events were lost at this point: compare with a fresh process list.
    Lost(u64),
}

/// A process (not just a thread) was created. It still runs its parent's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The new process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// When it started; together with `pid`, this identifies it.
    pub start: StartTime,
    /// Real user id; `None` if the process was gone before it could be read.
    pub uid: Option<u32>,
    /// Nanoseconds since 1970.
    pub time: i64,
}

/// A process started to run another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// When the process (not the program) started.
    pub start: StartTime,
    /// Real user id; `None` if the process was gone before it could be read.
    pub uid: Option<u32>,
    /// Real group id; `None` if the process was gone before it could be read.
    pub gid: Option<u32>,
    /// The kernel's short name for it; empty if unknown. [`Exec::name`] returns the full one.
    pub comm: OsString,
    /// Arguments, up to 8 KiB, with their original length.
    pub argv: Argv,
    /// The executable; `None` if unknown. A relative path is the known end of a very deep one.
    pub exe: Option<PathBuf>,
    /// Id of the cgroup in the unified hierarchy; `None` when the source cannot tell.
    pub cgroup_id: Option<u64>,
    /// Nanoseconds since 1970.
    pub time: i64,
}

impl Exec {
    /// The full name of the program, even if the kernel keeps only its beginning.
    #[must_use]
    pub fn name(&self) -> Cow<'_, OsStr> {
        whole_name(&self.comm, &self.argv, self.exe.as_deref())
    }
}

/// A process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The process.
    pub pid: u32,
    /// When it started.
    pub start: StartTime,
    /// How it ended; `None` when the source cannot tell.
    pub status: Option<ExitStatus>,
    /// Nanoseconds since 1970; when found by polling, the time when it was noticed.
    pub time: i64,
}

/// How a process ended, in the encoding of `wait()`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExitStatus(pub i32);

impl ExitStatus {
    /// The code passed to `exit()`, unless a signal ended the process.
    pub fn code(self) -> Option<i32> {
        (self.signal().is_none()).then_some((self.0 >> 8) & 0xff)
    }

    /// The signal that ended the process.
    pub fn signal(self) -> Option<i32> {
        Some(self.0 & 0x7f).filter(|&signal| signal != 0)
    }
}

/// A stream of process events. It begins when it is opened: take a snapshot of the processes after opening,
/// and nothing is missed.
pub trait ProcessEventSource: Send {
    /// Waits up to `timeout` for events and appends a bounded number of them to `out`. Returns early without
    /// events when a signal interrupts. Waiting uses no CPU.
    fn next_batch(&mut self, timeout: Duration, out: &mut Vec<ProcessEvent>) -> Result<()>;

    /// Counters since the source was opened.
    fn stats(&self) -> SourceStats;
}

/// The sources of process events, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// Programs in the kernel: nothing is missed, and arguments and paths are complete.
    Bpf,
    /// The kernel's proc connector: no process is missed, but the arguments of very short ones are.
    ProcConnector,
    /// Comparing process lists: short processes are missed.
    Poll,
}

impl SourceKind {
    /// All sources, best first.
    pub const ALL: [Self; 3] = [Self::Bpf, Self::ProcConnector, Self::Poll];

    /// Short name for logs and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bpf => "bpf",
            Self::ProcConnector => "cn_proc",
            Self::Poll => "poll",
        }
    }

    /// The source with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Settings of the sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// Size of the ring buffer between kernel and agent (`bpf`); rounded up to a power of two of at least one
    /// page.
    pub ring_bytes: u32,
    /// Size of the socket's receive buffer (`cn_proc`).
    pub receive_buffer: usize,
    /// Time between two process lists (`poll`).
    pub poll_period: Duration,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            ring_bytes: 8 << 20,
            receive_buffer: 32 << 20,
            poll_period: Duration::from_secs(1),
        }
    }
}

/// Counters of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStats {
    /// Which source it is.
    pub kind: SourceKind,
    /// How it works on this machine, for the operator (`BTF tracepoints, ring of 8192 KiB`).
    pub detail: String,
    /// Number of events delivered, without [`ProcessEvent::Lost`].
    pub events: u64,
    /// Number of events known to be lost. Polling cannot tell.
    pub lost: u64,
}

/// The chosen source, and why better ones could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The source in use.
    pub kind: SourceKind,
    /// Sources tried before, each with the reason why it does not work here.
    pub tried: Vec<(SourceKind, String)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_status_reads_as_wait_does() {
        assert_eq!(
            (ExitStatus(0x0300).code(), ExitStatus(0x0300).signal()),
            (Some(3), None)
        );
        assert_eq!((ExitStatus(9).code(), ExitStatus(9).signal()), (None, Some(9)));
        assert_eq!(
            (ExitStatus(0x8b).code(), ExitStatus(0x8b).signal()),
            (None, Some(11))
        );
    }

    #[test]
    fn names_of_sources_lead_back() {
        for kind in SourceKind::ALL {
            assert_eq!(SourceKind::from_name(kind.as_str()), Some(kind));
        }
    }
}
