//! `ebpf_events()`: the events that can be watched.

use super::watch_ebpf::EVENTS;
use peregrine_engine::prelude::*;

/// Lists the kernel events that `watch_ebpf()` can deliver, with their arguments.
#[derive(VqlArgs)]
pub struct Args {}

/// An event.
#[derive(IntoRow)]
pub struct Row {
    /// Its name.
    event: &'static str,
    /// `Name`, `Id`, `Sets` (the groups it belongs to) and `Params`: the type of each argument.
    metadata: Dict,
}

pub struct EbpfEvents;

impl Plugin for EbpfEvents {
    type Args = Args;
    type Row = Row;
    const NAME: &'static str = "ebpf_events";
    const CATEGORY: Category = Category::Linux;
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example(
        "an event",
        "SELECT Metadata.Id AS Id, Metadata.Params.exit_code AS Type FROM ebpf_events() WHERE Event = 'sched_process_exit'",
        r#"[{"Id":702,"Type":"long"}]"#,
    )];

    fn run(_: &Scope, _: Args, rows: &mut Rows<'_, Row>) -> VqlResult<()> {
        for (event, id) in EVENTS {
            let metadata = Dict::from_pairs([
                ("Name", Value::from(event)),
                ("Id", Value::from(id)),
                ("Sets", ["proc", "proc_life"].into_iter().collect()),
                (
                    "Params",
                    Value::Dict(Dict::from_pairs(params(event).iter().copied())),
                ),
            ]);
            rows.push(Row { event, metadata })?;
        }
        Ok(())
    }
}

/// The members of an event's `EventData`.
fn params(event: &str) -> &'static [(&'static str, &'static str)] {
    match event {
        "sched_process_fork" => &[
            ("parent_pid", "int"),
            ("parent_ns_pid", "int"),
            ("child_pid", "int"),
            ("child_ns_pid", "int"),
            ("child_tid", "int"),
            ("start_time", "time"),
        ],
        "sched_process_exec" => &[
            ("cmdpath", "string"),
            ("pathname", "string"),
            ("argv", "[]string"),
            ("env", "[]string"),
        ],
        "sched_process_exit" => &[
            ("exit_code", "long"),
            ("signal_code", "int"),
            ("process_group_exit", "bool"),
        ],
        _ => &[],
    }
}
