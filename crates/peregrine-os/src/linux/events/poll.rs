//! Process events by comparing process lists: works everywhere, but misses processes that live shorter than
//! the period.

use super::super::clock;
use super::super::process::{read_argv, read_brief, read_ids};
use super::super::procfs::ProcFs;
use super::ARGV_CAP;
use crate::error::Result;
use crate::events::{
    Exec, Exit, Fork, ProcessEvent, ProcessEventSource, SourceKind, SourceOptions, SourceStats,
};
use crate::model::{Argv, ProcessBrief, StartTime};
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

struct ProcessSnapshot {
    start: StartTime,
    name: OsString,
    image: u64,
    exe: Option<PathBuf>,
    argv: Argv,
}

/// Process events by comparing process lists.
pub struct PollSource {
    proc: ProcFs,
    period: Duration,
    next_poll: Instant,
    seen: HashMap<u32, ProcessSnapshot>,
    buffer: Vec<u8>,
    events: u64,
}

impl PollSource {
    /// Takes the first list; processes that are already running are not events.
    pub fn open(options: &SourceOptions) -> Result<Self> {
        Self::open_at(Path::new("/proc"), options)
    }

    fn open_at(proc: &Path, options: &SourceOptions) -> Result<Self> {
        let period = options.poll_period.max(Duration::from_millis(10));
        let mut source = Self {
            proc: ProcFs::open(proc)?,
            period,
            next_poll: Instant::now() + period,
            seen: HashMap::new(),
            buffer: Vec::new(),
            events: 0,
        };
        source.compare(&mut Vec::new())?;
        source.events = 0;
        Ok(source)
    }

    /// Reads the list and appends the differences: ends first (a pid may already be reused), then starts,
    /// lower pids first because they are more often the parents.
    fn compare(&mut self, out: &mut Vec<ProcessEvent>) -> Result<()> {
        let before = out.len();
        let time = clock::now_epoch_ns();
        let mut current = Vec::new();
        for pid in self.proc.pids()? {
            current.extend(read_brief(&self.proc, pid, &mut self.buffer));
        }
        let starts: HashMap<u32, StartTime> = current.iter().map(|brief| (brief.pid, brief.start)).collect();
        self.seen.retain(|pid, seen| {
            let is_alive = starts.get(pid) == Some(&seen.start);
            if !is_alive {
                out.push(ProcessEvent::Exit(Exit {
                    pid: *pid,
                    start: seen.start,
                    status: None,
                    time,
                }));
            }
            is_alive
        });
        for brief in current {
            self.compare_one(brief, time, out);
        }
        self.events += (out.len() - before) as u64;
        Ok(())
    }

    /// Examines a process in full if it is new, or if its short name or the location of its arguments has
    /// changed.
    fn compare_one(&mut self, brief: ProcessBrief, time: i64, out: &mut Vec<ProcessEvent>) {
        let ProcessBrief { pid, ppid, start, .. } = brief;
        let old = self.seen.get(&pid);
        if old.is_some_and(|seen| seen.name == brief.name && seen.image == brief.image) {
            return;
        }
        let ids = read_ids(&self.proc, pid, &mut self.buffer);
        let argv = read_argv(&self.proc, pid, ARGV_CAP, &mut self.buffer).unwrap_or_default();
        let exe = self.proc.link(&format!("{pid}/exe"));
        if old.is_none() {
            let uid = ids.map(|(uid, _)| uid);
            out.push(ProcessEvent::Fork(Fork {
                pid,
                ppid,
                start,
                uid,
                time: start.epoch_ns,
            }));
        }
        if old.is_none_or(|seen| seen.exe != exe || seen.argv != argv) {
            out.push(ProcessEvent::Exec(Box::new(Exec {
                pid,
                ppid,
                start,
                uid: ids.map(|(uid, _)| uid),
                gid: ids.map(|(_, gid)| gid),
                comm: brief.name.clone(),
                argv: argv.clone(),
                exe: exe.clone(),
                cgroup_id: None,
                time,
            })));
        }
        self.seen.insert(
            pid,
            ProcessSnapshot {
                start,
                name: brief.name,
                image: brief.image,
                exe,
                argv,
            },
        );
    }
}

impl ProcessEventSource for PollSource {
    fn next_batch(&mut self, timeout: Duration, out: &mut Vec<ProcessEvent>) -> Result<()> {
        let until_poll = self.next_poll.saturating_duration_since(Instant::now());
        std::thread::sleep(until_poll.min(timeout));
        if until_poll > timeout {
            return Ok(());
        }
        self.next_poll = Instant::now() + self.period;
        self.compare(out)
    }

    fn stats(&self) -> SourceStats {
        SourceStats {
            kind: SourceKind::Poll,
            detail: format!("process list every {:?}", self.period),
            events: self.events,
            lost: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process appears, runs another program, and its pid passes to another process.
    #[test]
    fn differences_between_lists_become_events() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str, start: u64, argv: &str| {
            let home = dir.path().join("7");
            std::fs::create_dir_all(&home).unwrap();
            let stat = format!("7 ({name}) S 1 7 7 0 -1 0 0 0 0 0 3 4 0 0 20 0 1 0 {start} 0 0");
            std::fs::write(home.join("stat"), stat).unwrap();
            std::fs::write(home.join("cmdline"), argv).unwrap();
        };
        let mut source = PollSource::open_at(dir.path(), &SourceOptions::default()).unwrap();
        let mut step = || {
            let mut out = Vec::new();
            source.compare(&mut out).unwrap();
            out.iter().map(show).collect::<Vec<_>>()
        };
        assert!(step().is_empty());
        place("sh", 50, "sh\0");
        assert_eq!(step(), ["fork 7@50", "exec 7@50 sh"]);
        assert!(step().is_empty());
        place("ls", 50, "ls\0-l\0");
        assert_eq!(step(), ["exec 7@50 ls -l"]);
        place("ls", 60, "ls\0");
        assert_eq!(step(), ["exit 7@50", "fork 7@60", "exec 7@60 ls"]);
        std::fs::remove_dir_all(dir.path().join("7")).unwrap();
        assert_eq!(step(), ["exit 7@60"]);
    }

    fn show(event: &ProcessEvent) -> String {
        match event {
            ProcessEvent::Fork(fork) => format!("fork {}@{}", fork.pid, fork.start.ticks),
            ProcessEvent::Exec(exec) => format!(
                "exec {}@{} {}",
                exec.pid,
                exec.start.ticks,
                String::from_utf8_lossy(&exec.argv.command_line())
            ),
            ProcessEvent::Exit(exit) => format!("exit {}@{}", exit.pid, exit.start.ticks),
            ProcessEvent::Lost(count) => format!("lost {count}"),
        }
    }
}
