//! The feed's full lists: everything once, then what may have changed.
//!
//! Events report most executions, but not those that happened while no source was listening (before the first
//! list) or that were lost. So the first list reads every process in full, as it must for an empty tracker;
//! later ones pay one small read per process, and read in full those that are new or whose brief view shows
//! another name or [`ProcessBrief::image`]. Measured per 1,000 processes on one slow core, debug build
//! (`lists_cost` below): 108 ms for the first list, 23 ms for a later one, and 0.1 ms for each process that
//! is read in full.

use super::feed::{PRECISION, data_of};
use super::payload::ProcessData;
use peregrine_os::{Machine, Process, ProcessBrief, StartTime};
use peregrine_tracker::{Row, Time as Instant, Tracker};
use std::collections::HashMap;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The processes in the last list.
#[derive(Default)]
pub(super) struct FullLists {
    seen: Option<HashMap<u32, ListedProcess>>,
}

#[derive(PartialEq)]
struct ListedProcess {
    start: StartTime,
    image: u64,
    name: OsString,
}

impl FullLists {
    /// The next list. Rows without data are processes whose data has not changed.
    pub(super) fn take(
        &mut self,
        machine: &dyn Machine,
        tracker: &Tracker<ProcessData>,
    ) -> peregrine_os::Result<Vec<Row<ProcessData>>> {
        let last = self.seen.take();
        let mut seen = HashMap::new();
        let mut rows = Vec::new();
        match last {
            None => machine.processes(&mut |process| {
                if is_alive(&process.brief) {
                    seen.insert(process.brief.pid, ListedProcess::of(&process.brief));
                    rows.push(row(&process.brief, news(tracker, &process)));
                }
                ControlFlow::Continue(())
            })?,
            Some(last) => {
                for brief in machine.process_list()?.iter().filter(|brief| is_alive(brief)) {
                    let now = ListedProcess::of(brief);
                    let is_unchanged = last.get(&brief.pid) == Some(&now) && known(tracker, brief).is_some();
                    let data = if is_unchanged {
                        None
                    } else {
                        // It ended after it was listed: an event or the next list reports that.
                        let Some(process) = machine.process(brief.pid)? else {
                            continue;
                        };
                        if process.brief.start != brief.start {
                            continue;
                        }
                        news(tracker, &process)
                    };
                    // The view from before the full read: an execution in between is found by the next list.
                    seen.insert(brief.pid, now);
                    rows.push(row(brief, data));
                }
            }
        }
        self.seen = Some(seen);
        Ok(rows)
    }
}

impl ListedProcess {
    fn of(brief: &ProcessBrief) -> ListedProcess {
        ListedProcess {
            start: brief.start,
            image: brief.image,
            name: brief.name.clone(),
        }
    }
}

/// Zombies have ended, and only wait for their parent to reap them.
fn is_alive(brief: &ProcessBrief) -> bool {
    !matches!(brief.state, 'Z' | 'X')
}

fn row(brief: &ProcessBrief, data: Option<Arc<ProcessData>>) -> Row<ProcessData> {
    Row {
        pid: brief.pid.into(),
        parent: Some(brief.ppid.into()),
        start: Some(Instant::from_nanos(brief.start.epoch_ns)),
        end: None,
        data,
    }
}

/// The data of the process that the tracker does not know yet. A fork that still shows its parent's program
/// needs no copy of it.
fn news(tracker: &Tracker<ProcessData>, process: &Process) -> Option<Arc<ProcessData>> {
    let data = data_of(process);
    match known(tracker, &process.brief) {
        Some(old) if old.is_equal(&data) => None,
        _ => Some(data),
    }
}

/// The tracker's data of this very process.
fn known(tracker: &Tracker<ProcessData>, brief: &ProcessBrief) -> Option<Arc<ProcessData>> {
    let start = Instant::from_nanos(brief.start.epoch_ns);
    let process = tracker.get(&brief.pid.to_string(), None)?;
    let is_same = process.start_time?.distance(start) <= PRECISION;
    process.data.filter(|_| is_same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_os::{Argv, Group, Host, Interface, MemoryInfo, Mount, Result, Socket, User};
    use peregrine_tracker::{Config, Event};
    use std::sync::Mutex;

    /// A machine of made-up processes that counts full reads.
    #[derive(Default)]
    struct Fake {
        processes: Mutex<Vec<Process>>,
        read: Mutex<Vec<u32>>,
    }

    impl Fake {
        fn set(&self, pid: u32, name: &str, line: &str, image: u64) {
            let brief = ProcessBrief {
                pid,
                ppid: 1,
                name: name.into(),
                start: StartTime {
                    ticks: u64::from(pid),
                    epoch_ns: i64::from(pid) * 1_000_000_000,
                },
                state: 'S',
                threads: 1,
                user_time: std::time::Duration::ZERO,
                system_time: std::time::Duration::ZERO,
                session: 0,
                image,
            };
            let process = Process {
                brief,
                argv: Argv::new(line.as_bytes(), line.len() as u64),
                exe: Some(format!("/bin/{name}").into()),
                cwd: None,
                uid: 0,
                effective_uid: 0,
                gid: 0,
                username: None,
                memory: MemoryInfo::default(),
                io: None,
            };
            let mut processes = self.processes.lock().unwrap();
            processes.retain(|other| other.brief.pid != pid);
            processes.push(process);
        }
    }

    impl Machine for Fake {
        fn process_list(&self) -> Result<Vec<ProcessBrief>> {
            Ok(self
                .processes
                .lock()
                .unwrap()
                .iter()
                .map(|process| process.brief.clone())
                .collect())
        }
        fn processes(&self, visit: &mut dyn FnMut(Process) -> ControlFlow<()>) -> Result<()> {
            for process in self.processes.lock().unwrap().iter() {
                self.read.lock().unwrap().push(process.brief.pid);
                let _ = visit(process.clone());
            }
            Ok(())
        }
        fn process(&self, pid: u32) -> Result<Option<Process>> {
            self.read.lock().unwrap().push(pid);
            let processes = self.processes.lock().unwrap();
            Ok(processes.iter().find(|process| process.brief.pid == pid).cloned())
        }
        fn parent_pid(&self, _: u32) -> Result<Option<u32>> {
            Ok(None)
        }
        fn sockets(&self) -> Result<Vec<Socket>> {
            Ok(Vec::new())
        }
        fn users(&self) -> Result<Vec<User>> {
            Ok(Vec::new())
        }
        fn groups(&self) -> Result<Vec<Group>> {
            Ok(Vec::new())
        }
        fn mounts(&self) -> Result<Vec<Mount>> {
            Ok(Vec::new())
        }
        fn interfaces(&self) -> Result<Vec<Interface>> {
            Ok(Vec::new())
        }
        fn host(&self) -> Result<Host> {
            Ok(Host::default())
        }
    }

    struct Story {
        machine: Fake,
        tracker: Tracker<ProcessData>,
        lists: FullLists,
        second: i64,
    }

    impl Story {
        /// Takes a list; returns the pids that were read in full for it.
        fn sync(&mut self) -> Vec<u32> {
            self.second += 100;
            let rows = self.lists.take(&self.machine, &self.tracker).unwrap();
            self.tracker
                .sync(Instant::from_seconds(self.second), PRECISION, rows);
            self.tracker.check_invariants();
            std::mem::take(&mut self.machine.read.lock().unwrap())
        }

        fn line(&self, pid: u32) -> String {
            let data = self.tracker.get(&pid.to_string(), None).unwrap().data.unwrap();
            data.text("CommandLine").unwrap().to_string()
        }
    }

    fn story() -> Story {
        Story {
            machine: Fake::default(),
            tracker: Tracker::new(Config::default()),
            lists: FullLists::default(),
            second: 1000,
        }
    }

    #[test]
    fn lost_executions_are_found_and_nothing_else_is_read_twice() {
        let mut story = story();
        for pid in 1..=20 {
            story.machine.set(pid, "sh", "sh\0", 7);
        }
        assert_eq!(story.sync().len(), 20);
        assert!(story.sync().is_empty());
        story.machine.set(4, "ls", "ls\0-l\0", 7);
        story.machine.set(5, "sh", "sh\0-c\0x\0", 8);
        story.machine.set(21, "new", "new\0", 9);
        assert_eq!(story.sync(), [4, 5, 21]);
        assert_eq!(
            (story.line(4), story.line(5), story.line(21)),
            ("ls -l".into(), "sh -c x".into(), "new".into())
        );
        assert!(story.sync().is_empty());
        // The program it ran before is remembered.
        let before = story.tracker.get("4", Some(Instant::from_seconds(1250))).unwrap();
        assert_eq!(before.data.unwrap().text("Name").unwrap(), "sh");
    }

    /// The fork was seen, then the source ended; another feed starts with the same tracker.
    #[test]
    fn a_fork_that_executed_while_nobody_listened_is_read_by_the_first_list() {
        let mut story = story();
        story.machine.set(1, "sh", "sh\0", 7);
        story.sync();
        for pid in [50, 51, 52] {
            let event: Event<ProcessData> = Event::fork(pid, 1u32, Instant::from_seconds(pid.into()));
            story.tracker.apply(Instant::from_seconds(1150), [event]);
            assert_eq!(story.line(pid), "sh");
        }
        story.machine.set(50, "ls", "ls\0-l\0", 8);
        story.machine.set(51, "sh", "sh\0other\0", 9);
        story.machine.set(52, "sh", "sh\0", 7);
        story.lists = FullLists::default();
        assert_eq!(story.sync().len(), 4);
        assert_eq!(
            (story.line(50), story.line(51), story.line(52)),
            ("ls -l".into(), "sh other".into(), "sh".into())
        );
    }

    /// Not a test, but the measurement quoted at the top of this file: `cargo test -p peregrine-plugins --
    /// --ignored lists_cost --nocapture`.
    #[test]
    #[ignore = "a measurement"]
    fn lists_cost() {
        let machine = peregrine_os::linux::LinuxMachine::new().unwrap();
        let mut sleepers: Vec<_> = (0..1000)
            .map(|_| std::process::Command::new("sleep").arg("60").spawn().unwrap())
            .collect();
        let tracker = Tracker::new(Config::default());
        let mut lists = FullLists::default();
        for round in ["first", "second", "third"] {
            let begun = std::time::Instant::now();
            let rows = lists.take(&machine, &tracker).unwrap();
            let (count, taken) = (rows.len(), begun.elapsed());
            tracker.sync(Instant::from_seconds(4_000_000_000), PRECISION, rows);
            eprintln!(
                "{round} list: {count} processes in {taken:?}, taken in after {:?}",
                begun.elapsed()
            );
        }
        for sleeper in &mut sleepers {
            let _ = sleeper.kill();
            let _ = sleeper.wait();
        }
    }
}
