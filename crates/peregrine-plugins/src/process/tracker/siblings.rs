//! `process_tracker_siblings()`: what else its parent started.

use super::record::{About, relatives};
use peregrine_engine::prelude::*;

/// Gives the other children of a process's parent, earliest first, exited ones included. Peregrine's own.
///
/// Ids are `<pid>-<start second>`; a plain pid means the process that has (or had last) this pid.
#[derive(VqlArgs)]
pub struct Args {
    /// The process.
    id: Str,
    /// At most this many.
    #[arg(default = 100)]
    max_items: i64,
    /// Answer as things were at this time. Peregrine's own.
    as_of: Option<Time>,
    /// The process that started then, whatever else had this pid. Peregrine's own.
    start_time: Option<Time>,
}

/// The function.
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
        let about = About {
            id: &args.id,
            start_time: args.start_time,
            as_of: args.as_of,
        };
        relatives(scope, &about, args.max_items, |tracker, id, limit, as_of| {
            tracker.siblings(id, limit, as_of)
        })
    }
}
