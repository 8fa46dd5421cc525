//! `process_tracker_get()`: one process by its id.

use super::in_force::current;
use super::record::When;
use peregrine_engine::prelude::*;

/// Returns the tracker's record of one process: `Id`, `ParentId`, `StartTime`, `EndTime`, `Data`, `Children`.
///
/// Ids are `<pid>-<start second>`; a plain pid means the process that has this pid, or had it last. NULL if
/// it is unknown.
#[derive(VqlArgs)]
pub struct Args {
    /// The process.
    id: Str,
    /// Accepted for compatibility; it has no effect.
    max_items: Option<i64>,
    #[arg(flatten)]
    when: When,
}

pub struct ProcessTrackerGet;

impl Function for ProcessTrackerGet {
    type Args = Args;
    const NAME: &'static str = "process_tracker_get";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example_shape("the first process", "process_tracker_get(id=1)", Shape::Dict),
        example("unknown", "process_tracker_get(id='nonsense')", "null"),
        fails("no id", "process_tracker_get()", "Field id is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        // The reference accepts it and ignores it.
        let _ = args.max_items;
        let tracker = current(scope)?;
        let process = args
            .when
            .resolve(&args.id, &tracker.tracker)
            .and_then(|(id, as_of)| tracker.tracker.get(&id, as_of));
        Ok(process.map_or(Value::Null, |process| tracker.record(scope, &process)))
    }
}
