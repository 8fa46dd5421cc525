//! `pslist()`: the running processes.

use super::process_object::ProcessObject;
use crate::machine::{failed, machine};
use peregrine_engine::prelude::*;

/// Lists running processes.
///
/// Members are read from the system when a query uses them, so `SELECT Pid, Name FROM pslist()` costs one
/// small read per process. Members that may not be read are empty. In addition to the columns of `SELECT *`,
/// a row has `StartTime` (exact, as a time), `Argv`, `Threads`, `State`, `Uid`, `Gid` and `IoCounters`.
#[derive(VqlArgs)]
pub struct Args {
    /// Only this process; it is found even if it hides from the list, and then has `Hidden=TRUE`.
    pid: Option<i64>,
}

pub struct Pslist;

impl Plugin for Pslist {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "pslist";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const COLUMNS: &'static [ColumnSpec] = &[
        shown("Pid", "Its number."),
        shown("Name", "Its name."),
        shown("Ppid", "The number of its parent."),
        shown(
            "CommandLine",
            "The program and its arguments, quoted where needed.",
        ),
        shown("CreateTime", "When it began, in the local zone, to the second."),
        shown(
            "Times",
            "Seconds of processor time, by kind: `user`, `system` and others.",
        ),
        shown("Exe", "The file it runs."),
        shown("Cwd", "The folder it works in."),
        shown("Username", "Whose it is."),
        shown("MemoryInfo", "Bytes of memory, by kind: `rss`, `vms` and others."),
    ];
    const EXAMPLES: &'static [Example] = &[
        example(
            "the first process has no parent",
            "SELECT Pid, Ppid FROM pslist(pid=1)",
            r#"[{"Pid":1,"Ppid":0}]"#,
        ),
        example(
            "members by both spellings",
            "SELECT MemoryInfo.RSS = MemoryInfo.rss AS Memory, Times.System = Times.system AS Times, Times.GuestNice
             FROM pslist(pid=getpid())",
            r#"[{"Memory":true,"Times":true,"Times.GuestNice":0}]"#,
        ),
        example("no such process", "pslist(pid=-1)", "[]"),
        example_shape("all of them", "pslist()", Shape::Rows),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let machine = machine(scope)?;
        if let Some(pid) = args.pid {
            let Ok(pid) = u32::try_from(pid) else {
                return Ok(());
            };
            if let Some(process) = machine.process(pid).map_err(failed)? {
                let is_hidden = !machine
                    .process_list()
                    .map_err(failed)?
                    .iter()
                    .any(|brief| brief.pid == pid);
                rows.push(Row::from(Value::object(ProcessObject::of(
                    &machine, process, is_hidden,
                ))))?;
            }
            return Ok(());
        }
        push_all(scope, rows)
    }
}

/// Emits a row for every process.
pub(super) fn push_all(scope: &Scope, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
    let machine = machine(scope)?;
    for brief in machine.process_list().map_err(failed)? {
        scope.checkpoint()?;
        rows.push(Row::from(Value::object(ProcessObject::new(&machine, brief))))?;
    }
    Ok(())
}
