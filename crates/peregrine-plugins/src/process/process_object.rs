//! A process as a row: cheap members are read at once, expensive ones on demand.

use super::process_members::{Io, Memory, Times};
use peregrine_engine::prelude::*;
use peregrine_os::{Machine, Process, ProcessBrief};
use std::any::Any;
use std::ffi::OsStr;
use std::sync::{Arc, OnceLock};

/// One process. Members are found regardless of case, because artifacts spell them in several ways.
pub(crate) struct ProcessObject {
    machine: Arc<dyn Machine>,
    brief: ProcessBrief,
    /// Read when a member first needs it; `None` if the process was gone by then.
    full: OnceLock<Option<Process>>,
    is_hidden: bool,
}

/// Columns of `SELECT *`.
const MEMBERS: [&str; 10] = [
    "Pid",
    "Name",
    "Ppid",
    "CommandLine",
    "CreateTime",
    "Times",
    "Exe",
    "Cwd",
    "Username",
    "MemoryInfo",
];

impl ProcessObject {
    pub(crate) fn new(machine: &Arc<dyn Machine>, brief: ProcessBrief) -> ProcessObject {
        ProcessObject {
            machine: Arc::clone(machine),
            brief,
            full: OnceLock::new(),
            is_hidden: false,
        }
    }

    pub(crate) fn of(machine: &Arc<dyn Machine>, process: Process, is_hidden: bool) -> ProcessObject {
        let brief = process.brief.clone();
        let full = OnceLock::from(Some(process));
        ProcessObject {
            machine: Arc::clone(machine),
            brief,
            full,
            is_hidden,
        }
    }

    fn full(&self) -> Option<&Process> {
        let read = || {
            let process = self.machine.process(self.brief.pid).ok().flatten();
            // Another process may have the pid by now.
            process.filter(|process| process.brief.start == self.brief.start)
        };
        self.full.get_or_init(read).as_ref()
    }

    /// The full name, if the kernel may have cut it; only then is it worth further reads.
    fn whole_name(&self) -> Option<Value> {
        if !peregrine_os::may_be_cut(&self.brief.name) {
            return None;
        }
        Some(path_value(self.full()?.name()))
    }

    fn with_full<T: Into<Value>>(&self, member: impl FnOnce(&Process) -> T) -> Value {
        self.full()
            .map_or_else(|| Value::str(""), |process| member(process).into())
    }
}

/// A path or another name of the system, byte by byte.
pub(crate) fn path_value(path: impl AsRef<OsStr>) -> Value {
    Value::str(Str::new(path.as_ref().as_encoded_bytes()))
}

fn start_time(brief: &ProcessBrief) -> Time {
    Time::from_unix_nanos(i128::from(brief.start.epoch_ns))
}

impl std::fmt::Debug for ProcessObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.brief.pid)
            .finish_non_exhaustive()
    }
}

impl Object for ProcessObject {
    fn type_name(&self) -> &'static str {
        "Process"
    }

    fn member(&self, _scope: &Scope, name: &str) -> Option<Value> {
        let brief = &self.brief;
        Some(match name.to_ascii_lowercase().as_str() {
            "pid" => Value::from(brief.pid),
            "ppid" => Value::from(brief.ppid),
            "name" => match self.whole_name() {
                Some(name) => name,
                None => path_value(&brief.name),
            },
            "createtime" => Value::from(local_rfc3339(start_time(brief))),
            // In addition to the usual columns: the exact start time, which identifies the process together
            // with its pid.
            "starttime" => Value::Time(start_time(brief)),
            // A running process has no end time; a list that includes exited processes has this column.
            "endtime" => Value::Null,
            "times" => Times::of(brief).into_row().into_value(),
            "threads" => Value::from(brief.threads),
            "state" => Value::from(brief.state.to_string()),
            "commandline" => self.with_full(|process| Value::str(process.argv.command_line())),
            "argv" => self.with_full(|process| {
                Value::array(process.argv.args().map(|arg| Value::str(Str::new(arg))).collect())
            }),
            "exe" => {
                self.with_full(|process| process.exe.as_deref().map_or_else(|| Value::str(""), path_value))
            }
            "cwd" => {
                self.with_full(|process| process.cwd.as_deref().map_or_else(|| Value::str(""), path_value))
            }
            "username" => self.with_full(|process| {
                process
                    .username
                    .as_ref()
                    .map_or_else(|| Value::from(process.uid.to_string()), path_value)
            }),
            "uid" => self.with_full(|process| process.uid),
            "gid" => self.with_full(|process| process.gid),
            "memoryinfo" => self.with_full(|process| Memory::of(&process.memory).into_row().into_value()),
            "iocounters" => self.with_full(|process| match &process.io {
                None => Value::Null,
                Some(io) => Io::of(io).into_row().into_value(),
            }),
            "hidden" if self.is_hidden => Value::Bool(true),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        let hidden = self.is_hidden.then_some("Hidden");
        MEMBERS.into_iter().chain(hidden).map(Str::from).collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Text with a precision of seconds in the zone of the machine, as this column always was.
fn local_rfc3339(time: Time) -> String {
    peregrine_engine::time::rfc3339(Time::from_unix(time.unix(), 0).in_zone(ZoneId::local()))
        .unwrap_or_default()
}
