//! A process, in brief and in full.

use super::{Argv, whole_name};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

/// When a process started. Together with the pid (and the boot id) it identifies a process: pids are reused,
/// but in practice not within one tick.
///
/// Every source in this crate gives the same process the same value: all count from the kernel's
/// `start_boottime`, rounded down to clock ticks as in `/proc`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StartTime {
    /// Clock ticks since boot (usually 1/100 s), including suspend. Stable across restarts of the agent.
    pub ticks: u64,
    /// Nanoseconds since 1970, from a boot time determined once per run: stable within a run, even if the
    /// clock is set.
    pub epoch_ns: i64,
}

/// The data about a process from one small read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessBrief {
    /// Process id.
    pub pid: u32,
    /// Pid of the parent; 0 for the first process and kernel threads' ancestor.
    pub ppid: u32,
    /// The name kept by the kernel (at most 15 bytes for programs); may contain any bytes. [`Process::name`]
    /// is complete.
    pub name: OsString,
    /// When it started.
    pub start: StartTime,
    /// State letter as in `ps` (`R`, `S`, `D`, `Z`, …).
    pub state: char,
    /// Number of threads.
    pub threads: u32,
    /// CPU time in user mode.
    pub user_time: Duration,
    /// CPU time in the kernel.
    pub system_time: Duration,
    /// Session id.
    pub session: u32,
    /// A number that changes when the process executes a program, even the same one again: it is derived from
    /// the locations of stack and arguments. A fork keeps its parent's. 0 if we may not see it, and for
    /// kernel threads.
    pub image: u64,
}

/// A process in full. Data we may not read is `None`, empty or zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The part that is always available.
    pub brief: ProcessBrief,
    /// Arguments; empty for kernel threads.
    pub argv: Argv,
    /// The executable. Ends in ` (deleted)` if it has been unlinked.
    pub exe: Option<PathBuf>,
    /// Working directory.
    pub cwd: Option<PathBuf>,
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub effective_uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Name of the real user, from the local accounts.
    pub username: Option<OsString>,
    /// Memory use.
    pub memory: MemoryInfo,
    /// Input and output so far; `None` if not permitted.
    pub io: Option<IoCounters>,
}

impl Process {
    /// Its full name, even if the kernel keeps only its beginning.
    #[must_use]
    pub fn name(&self) -> Cow<'_, OsStr> {
        whole_name(&self.brief.name, &self.argv, self.exe.as_deref())
    }
}

/// Memory of a process, in bytes. All zero for kernel threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryInfo {
    /// Currently resident.
    pub rss: u64,
    /// Address space.
    pub vms: u64,
    /// Peak resident size.
    pub hwm: u64,
    /// Data segment.
    pub data: u64,
    /// Stack.
    pub stack: u64,
    /// Locked into memory.
    pub locked: u64,
    /// Swapped out.
    pub swap: u64,
}

/// Input and output of a process so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IoCounters {
    /// Read calls.
    pub read_count: u64,
    /// Write calls.
    pub write_count: u64,
    /// Bytes fetched from storage.
    pub read_bytes: u64,
    /// Bytes sent to storage.
    pub write_bytes: u64,
}
