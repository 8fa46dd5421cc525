//! `process_tracker_callchain()`: the ancestors of a process.

use super::record::{When, relatives};
use peregrine_engine::prelude::*;

/// Returns the chain of creators of a process, from the root to the process itself, exited ones included.
///
/// Ids are `<pid>-<start second>`; a plain pid means the process that has this pid, or had it last.
#[derive(VqlArgs)]
pub struct Args {
    /// The process.
    id: Str,
    /// Maximum number of records.
    #[arg(default = 10)]
    max_items: i64,
    #[arg(flatten)]
    when: When,
}

pub struct ProcessTrackerCallchain;

impl Function for ProcessTrackerCallchain {
    type Args = Args;
    const NAME: &'static str = "process_tracker_callchain";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example_shape(
            "of the first process",
            "process_tracker_callchain(id=1)",
            Shape::Array,
        ),
        example("unknown", "process_tracker_callchain(id='nonsense')", "[]"),
        fails("no id", "process_tracker_callchain()", "Field id is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        relatives(
            scope,
            &args.id,
            &args.when,
            args.max_items,
            |tracker, id, limit, as_of| tracker.callchain(id, limit, as_of),
        )
    }
}
