//! `watch_ebpf()`: kernel events, of which the three about the life of a process are supported.

use super::hub;
use crate::process::path_value;
use peregrine_engine::prelude::*;
use peregrine_os::{Exec, Exit, Fork, ProcessEvent, SourceKind, StartTime};
use std::time::Duration;

/// Watches kernel events through eBPF.
///
/// Supported so far: `sched_process_fork`, `sched_process_exec` and `sched_process_exit`; other events, and
/// policies, are refused with a message. Without eBPF on this machine the plugin fails; `process_events()`
/// then has other sources.
#[derive(VqlArgs)]
pub struct Args {
    /// Names of the events.
    events: Option<Vec<String>>,
    /// A policy in YAML, as an alternative to names.
    policy: Option<String>,
    /// Include the environment of programs.
    include_env: Option<bool>,
    /// Applied to the event before it is decoded.
    regex_prefilter: Option<Regex>,
}

/// An event.
#[derive(IntoRow)]
pub struct Row {
    /// When the event happened, which event it was, and who caused it.
    system: Dict,
    /// The event's arguments.
    event_data: Dict,
}

pub struct WatchEbpf;

/// The supported events, with the numbers other tools give them.
pub(super) const EVENTS: [(&str, i64); 3] = [
    ("sched_process_fork", 700),
    ("sched_process_exec", 701),
    ("sched_process_exit", 702),
];

impl Plugin for WatchEbpf {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "watch_ebpf";
    const CATEGORY: Category = Category::Events;
    const VERSION: i64 = 2;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "programs as they start",
            "SELECT * FROM watch_ebpf(events='sched_process_exec')",
        ),
        fails(
            "an event that is not built",
            "watch_ebpf(events='net_packet_dns')",
            "unknown event `net_packet_dns`",
        ),
        fails("nothing to watch", "watch_ebpf()", "needs `events`"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        if args.policy.is_some() {
            return Err("policies are not built yet: name the events with `events`".into());
        }
        if args.include_env == Some(true) {
            scope.log_line("WARN:watch_ebpf: include_env is not built yet; `env` stays NULL");
        }
        if args.regex_prefilter.is_some() {
            scope.log_line("WARN:watch_ebpf: regex_prefilter is not built yet; filter with WHERE");
        }
        let wanted = args
            .events
            .filter(|events| !events.is_empty())
            .ok_or("the plugin needs `events`")?;
        if let Some(unknown) = wanted
            .iter()
            .find(|name| !EVENTS.iter().any(|(known, _)| known == name))
        {
            let known: Vec<&str> = EVENTS.iter().map(|(name, _)| *name).collect();
            return Err(format!("unknown event `{unknown}`; the events are {}", known.join(", ")).into());
        }
        let mut subscription = hub::subscribe(scope, Some(SourceKind::Bpf))?;
        if subscription.kind() != SourceKind::Bpf {
            return Err(format!(
                "eBPF does not work on this machine (events come from {}); use process_events()",
                subscription.kind()
            )
            .into());
        }
        loop {
            scope.checkpoint()?;
            let Some(batch) = subscription.next(Duration::from_millis(500))? else {
                continue;
            };
            for event in batch.iter() {
                let Some((name, row)) = row(event) else { continue };
                if wanted.iter().any(|wanted| wanted == name) {
                    rows.push(row)?;
                }
            }
            let lost = subscription.take_lost();
            if lost > 0 {
                scope.log_line(&format!(
                    "WARN:watch_ebpf: {lost} events were lost because the query was too slow"
                ));
            }
        }
    }
}

fn row(event: &ProcessEvent) -> Option<(&'static str, Row)> {
    Some(match event {
        ProcessEvent::Fork(fork) => ("sched_process_fork", fork_row(fork)),
        ProcessEvent::Exec(exec) => ("sched_process_exec", exec_row(exec)),
        ProcessEvent::Exit(exit) => ("sched_process_exit", exit_row(exit)),
        ProcessEvent::Lost(_) => return None,
    })
}

fn nanos(time: i64) -> Value {
    Value::Time(Time::from_unix_nanos(i128::from(time)))
}

fn system(name: &str, time: i64, pid: u32, ppid: Option<u32>, uid: Option<u32>, start: StartTime) -> Dict {
    let number = EVENTS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0, |(_, number)| *number);
    let or_null = |number: Option<u32>| number.map_or(Value::Null, Value::from);
    Dict::from_pairs([
        ("Timestamp", nanos(time)),
        ("EventID", Value::from(number)),
        ("EventName", Value::from(name)),
        ("ThreadStartTime", nanos(start.epoch_ns)),
        ("ProcessID", Value::from(pid)),
        ("ThreadID", Value::from(pid)),
        ("ParentProcessID", or_null(ppid)),
        ("HostProcessID", Value::from(pid)),
        ("HostThreadID", Value::from(pid)),
        ("HostParentProcessID", or_null(ppid)),
        ("UserID", or_null(uid)),
    ])
}

fn fork_row(fork: &Fork) -> Row {
    let data = Dict::from_pairs([
        ("parent_pid", Value::from(fork.ppid)),
        ("parent_ns_pid", Value::from(fork.ppid)),
        ("child_pid", Value::from(fork.pid)),
        ("child_ns_pid", Value::from(fork.pid)),
        ("child_tid", Value::from(fork.pid)),
        ("start_time", nanos(fork.start.epoch_ns)),
    ]);
    // The event belongs to the parent, which creates the child.
    Row {
        system: system(
            "sched_process_fork",
            fork.time,
            fork.ppid,
            None,
            fork.uid,
            fork.start,
        ),
        event_data: data,
    }
}

fn exec_row(exec: &Exec) -> Row {
    let system = system(
        "sched_process_exec",
        exec.time,
        exec.pid,
        Some(exec.ppid),
        exec.uid,
        exec.start,
    );
    system.set("ProcessName", path_value(exec.name()));
    system.set("CgroupID", exec.cgroup_id.map_or(Value::Null, Value::from));
    let path = exec.exe.as_deref().map_or(Value::Null, path_value);
    let argv: Vec<Value> = exec.argv.args().map(|arg| Value::str(Str::new(arg))).collect();
    let data = Dict::from_pairs([
        ("cmdpath", path.clone()),
        ("pathname", path),
        ("argv", Value::array(argv)),
        ("env", Value::Null),
    ]);
    Row {
        system,
        event_data: data,
    }
}

fn exit_row(exit: &Exit) -> Row {
    let code = exit
        .status
        .and_then(|status| status.code())
        .map_or(Value::Null, |code| Value::from(i64::from(code)));
    let signal = exit
        .status
        .and_then(|status| status.signal())
        .map_or(Value::Null, |signal| Value::from(i64::from(signal)));
    let data = Dict::from_pairs([
        ("exit_code", code),
        ("signal_code", signal),
        ("process_group_exit", Value::Bool(true)),
    ]);
    Row {
        system: system("sched_process_exit", exit.time, exit.pid, None, None, exit.start),
        event_data: data,
    }
}
