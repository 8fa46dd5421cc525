//! `process_tracker_pslist()`: a process list that includes exited processes.

use super::in_force::{current, instant};
use peregrine_engine::prelude::*;

/// Lists every process the tracker remembers: its `Data` with `Pid`, `Ppid` (ids that survive the reuse of a
/// pid), `StartTime` and `EndTime` (NULL while it lives). Without a tracker it is the same as `pslist()`.
#[derive(VqlArgs)]
pub struct Args {
    /// Answer for this point in time. Peregrine's own.
    as_of: Option<Time>,
}

pub struct ProcessTrackerPslist;

impl Plugin for ProcessTrackerPslist {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "process_tracker_pslist";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[example_shape(
        "all processes",
        "process_tracker_pslist()",
        Shape::Rows,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let tracker = current(scope)?;
        if tracker.is_snapshot {
            return crate::process::pslist::push_all(scope, rows);
        }
        for process in tracker.tracker.all(args.as_of.map(instant)) {
            scope.checkpoint()?;
            rows.push(Row::from(tracker.pslist_row(&process)))?;
        }
        Ok(())
    }
}
