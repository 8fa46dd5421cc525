//! `process_events()`: processes being created, running programs and ending, as it happens.

use super::hub;
use crate::process::{UserNames, path_value};
use peregrine_engine::prelude::*;
use peregrine_os::{Argv, ProcessEvent, SourceKind, StartTime};
use std::time::Duration;

/// Watches process creation, program execution and process end.
///
/// The best source that works here is used: eBPF, which misses nothing; else the kernel's proc connector,
/// which misses the arguments of very short processes; else comparing process lists, which misses short
/// processes. `process_event_source()` says which one runs, why, and what was lost. Events of one process
/// come in the order in which they happened. This plugin is Peregrine's own.
#[derive(VqlArgs)]
pub struct Args {
    /// `auto`, or the source to try first: `bpf`, `cn_proc`, `poll`.
    #[arg(default = "auto".to_owned())]
    source: String,
}

/// Something that happened to a process.
#[derive(IntoRow)]
pub struct Row {
    /// `fork`, `exec`, `exit`, or `lost` when events are missing at this point.
    update_type: &'static str,
    /// When it happened.
    time: Time,
    /// The process.
    pid: Value,
    /// Its parent, if the event contains it.
    ppid: Value,
    /// When the process started; identifies it together with `Pid`.
    start_time: Value,
    /// For an exec: the name of the program.
    name: Value,
    /// For an exec: the executable.
    exe: Value,
    /// For an exec: the arguments joined by spaces.
    command_line: Value,
    /// For an exec: the arguments.
    argv: Value,
    /// Name of the real user.
    username: Value,
    /// Real user id.
    uid: Value,
    /// For an exit: the value the process passed to `exit()`.
    exit_code: Value,
    /// For an exit: the signal that ended the process.
    signal: Value,
    /// For a loss: the number of events lost.
    lost: Value,
}

pub struct ProcessEvents;

impl Plugin for ProcessEvents {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "process_events";
    const CATEGORY: Category = Category::Events;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[not_run(
        "programs as they start",
        "SELECT Pid, CommandLine FROM process_events() WHERE UpdateType = 'exec'",
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let mut subscription = hub::subscribe(scope, preferred(&args.source)?)?;
        let mut users = UserNames::default();
        loop {
            scope.checkpoint()?;
            let Some(batch) = subscription.next(Duration::from_millis(500))? else {
                continue;
            };
            for event in batch.iter() {
                rows.push(row(event, &mut users, scope))?;
            }
            let lost = subscription.take_lost();
            if lost > 0 {
                rows.push(lost_row(lost, scope.clock().now()))?;
            }
        }
    }
}

/// The source to try first.
pub(crate) fn preferred(name: &str) -> VqlResult<Option<SourceKind>> {
    if name.is_empty() || name == "auto" {
        return Ok(None);
    }
    match SourceKind::from_name(name) {
        Some(kind) => Ok(Some(kind)),
        None => Err(VqlError::Message(format!(
            "unknown process event source `{name}`; use auto, bpf, cn_proc or poll"
        ))),
    }
}

fn event_time(nanos: i64) -> Time {
    Time::from_unix_nanos(i128::from(nanos))
}

fn start(start: StartTime) -> Value {
    Value::Time(event_time(start.epoch_ns))
}

fn arguments(argv: &Argv) -> Value {
    Value::array(argv.args().map(|arg| Value::str(Str::new(arg))).collect())
}

fn empty(update_type: &'static str, time: Time) -> Row {
    Row {
        update_type,
        time,
        pid: Value::Null,
        ppid: Value::Null,
        start_time: Value::Null,
        name: Value::Null,
        exe: Value::Null,
        command_line: Value::Null,
        argv: Value::Null,
        username: Value::Null,
        uid: Value::Null,
        exit_code: Value::Null,
        signal: Value::Null,
        lost: Value::Null,
    }
}

fn lost_row(count: u64, now: Time) -> Row {
    Row {
        lost: Value::from(count),
        ..empty("lost", now)
    }
}

fn row(event: &ProcessEvent, users: &mut UserNames, scope: &Scope) -> Row {
    let uid_value = |uid: Option<u32>| uid.map_or(Value::Null, Value::from);
    match event {
        ProcessEvent::Fork(fork) => Row {
            pid: Value::from(fork.pid),
            ppid: Value::from(fork.ppid),
            start_time: start(fork.start),
            username: fork
                .uid
                .map_or(Value::Null, |uid| Value::Str(users.name(scope, uid))),
            uid: uid_value(fork.uid),
            ..empty("fork", event_time(fork.time))
        },
        ProcessEvent::Exec(exec) => Row {
            pid: Value::from(exec.pid),
            ppid: Value::from(exec.ppid),
            start_time: start(exec.start),
            name: path_value(exec.name()),
            exe: exec.exe.as_deref().map_or(Value::Null, path_value),
            command_line: Value::str(exec.argv.command_line()),
            argv: arguments(&exec.argv),
            username: exec
                .uid
                .map_or(Value::Null, |uid| Value::Str(users.name(scope, uid))),
            uid: uid_value(exec.uid),
            ..empty("exec", event_time(exec.time))
        },
        ProcessEvent::Exit(exit) => Row {
            pid: Value::from(exit.pid),
            start_time: start(exit.start),
            exit_code: exit
                .status
                .and_then(|status| status.code())
                .map_or(Value::Null, |code| Value::from(i64::from(code))),
            signal: exit
                .status
                .and_then(|status| status.signal())
                .map_or(Value::Null, |signal| Value::from(i64::from(signal))),
            ..empty("exit", event_time(exit.time))
        },
        ProcessEvent::Lost(count) => lost_row(*count, scope.clock().now()),
    }
}
