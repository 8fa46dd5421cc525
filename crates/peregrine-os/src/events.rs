//! Live process events: what happened, and the seam behind which every source of them lives.

use crate::error::Result;
use crate::model::{Argv, StartTime, whole_name};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Something that happened to a process. Events of one process come in the order they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// A process was created.
    Fork(Fork),
    /// A process began to run another program.
    Exec(Box<Exec>),
    /// A process ended, with its last thread.
    Exit(Exit),
    /// This many events were lost between the one before and the one after: compare with a fresh process list.
    Lost(u64),
}

/// A process was created (not a mere thread). It still runs its parent's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The new process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// When it started: with `pid`, its identity.
    pub start: StartTime,
    /// Real user id; `None` when it was gone before it could be read.
    pub uid: Option<u32>,
    /// Nanoseconds since 1970.
    pub time: i64,
}

/// A process began to run another program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exec {
    /// The process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// When the process (not the program) started.
    pub start: StartTime,
    /// Real user id; `None` when it was gone before it could be read.
    pub uid: Option<u32>,
    /// Real group id; `None` when it was gone before it could be read.
    pub gid: Option<u32>,
    /// The kernel's short name for it; empty when unknown. [`Exec::name`] is the whole one.
    pub comm: OsString,
    /// Arguments, at most 8 KiB, with their true length.
    pub argv: Argv,
    /// The executable; `None` when unknown. A relative path is the known end of a very deep one.
    pub exe: Option<PathBuf>,
    /// Id of the cgroup in the unified hierarchy; `None` when the source cannot tell.
    pub cgroup_id: Option<u64>,
    /// Nanoseconds since 1970.
    pub time: i64,
}

impl Exec {
    /// The whole name of the program, where the kernel keeps only the beginning.
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
    /// When it had started.
    pub start: StartTime,
    /// How it ended; `None` when the source cannot tell.
    pub status: Option<ExitStatus>,
    /// Nanoseconds since 1970; when found by polling, the moment it was missed.
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

/// A stream of process events. Begins at the moment it was opened: take a snapshot of the processes after
/// opening and nothing falls between.
pub trait ProcessEventSource: Send {
    /// Waits at most `timeout` for events and appends those there are, a bounded number, to `out`. Returns early
    /// with none when a signal interrupts. Waiting costs no CPU.
    fn next_batch(&mut self, timeout: Duration, out: &mut Vec<ProcessEvent>) -> Result<()>;

    /// Counters since the source was opened.
    fn stats(&self) -> SourceStats;
}

/// The ways to learn of process events, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// Programs in the kernel: nothing is missed, arguments and paths complete.
    Bpf,
    /// The kernel's proc connector: no process is missed, but the arguments of very short ones are.
    ProcConnector,
    /// Comparing process lists: short processes are missed.
    Poll,
}

impl SourceKind {
    /// All of them, best first.
    pub const ALL: [Self; 3] = [Self::Bpf, Self::ProcConnector, Self::Poll];

    /// Short name for logs and queries.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bpf => "bpf",
            Self::ProcConnector => "cn_proc",
            Self::Poll => "poll",
        }
    }

    /// The source of that name.
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
    /// Size of the ring buffer between kernel and agent (`bpf`); made a power of two of at least one page.
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
    /// How it works here, for the operator (`BTF tracepoints, ring of 8192 KiB`).
    pub detail: String,
    /// Events delivered, [`ProcessEvent::Lost`] not counted.
    pub events: u64,
    /// Events known to be lost. Polling cannot know.
    pub lost: u64,
}

/// Which source was chosen, and what stood against the better ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The source in use.
    pub kind: SourceKind,
    /// Sources tried before, with the reason each does not work here.
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
