//! `process_tracker_siblings()`: the other processes started by the same parent.

use super::record::{When, relatives};
use peregrine_engine::prelude::*;

/// Returns the other children of a process's parent, earliest first, exited ones included. Peregrine's own.
///
/// Ids are `<pid>-<start second>`; a plain pid means the process that has this pid, or had it last.
#[derive(VqlArgs)]
pub struct Args {
    /// The process.
    id: Str,
    /// Maximum number of records.
    #[arg(default = 100)]
    max_items: i64,
    #[arg(flatten)]
    when: When,
}

pub struct ProcessTrackerSiblings;

impl Function for ProcessTrackerSiblings {
    type Args = Args;
    const NAME: &'static str = "process_tracker_siblings";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example_shape(
            "of the first process",
            "process_tracker_siblings(id=1)",
            Shape::Array,
        ),
        example("unknown", "process_tracker_siblings(id='nonsense')", "[]"),
        fails("no id", "process_tracker_siblings()", "Field id is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        relatives(
            scope,
            &args.id,
            &args.when,
            args.max_items,
            |tracker, id, limit, as_of| tracker.siblings(id, limit, as_of),
        )
    }
}
