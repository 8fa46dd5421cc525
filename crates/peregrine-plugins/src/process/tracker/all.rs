//! `process_tracker_all()`: everything the tracker remembers.

use super::in_force::{current, instant};
use peregrine_engine::prelude::*;

/// Returns all records of the tracker, earliest start first.
#[derive(VqlArgs)]
pub struct Args {
    /// Answer for this point in time. Peregrine's own.
    as_of: Option<Time>,
}

pub struct ProcessTrackerAll;

impl Function for ProcessTrackerAll {
    type Args = Args;
    const NAME: &'static str = "process_tracker_all";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[example_shape("all", "process_tracker_all()", Shape::Array)];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        let tracker = current(scope)?;
        Ok(tracker.records(scope, &tracker.tracker.all(args.as_of.map(instant))))
    }
}
