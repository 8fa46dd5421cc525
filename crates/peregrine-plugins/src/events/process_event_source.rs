//! `process_event_source()`: the source of process events on this machine.

use super::hub;
use peregrine_engine::prelude::*;

/// Returns which source of process events runs in this program, why better ones do not work, and its
/// counters.
///
/// NULL when nobody is watching processes. `Lost` counts events the kernel could not deliver; polling cannot
/// tell.
#[derive(VqlArgs)]
pub struct Args {}

pub struct ProcessEventSource;

impl Function for ProcessEventSource {
    type Args = Args;
    const NAME: &'static str = "process_event_source";
    const CATEGORY: Category = Category::Events;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const PLATFORMS: Platforms = Platforms::LINUX;
    const EXAMPLES: &'static [Example] = &[example_shape(
        "the source in use",
        "process_event_source()",
        Shape::Any,
    )];

    fn call(scope: &Scope, _: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        let Some((choice, stats)) = hub::current(scope) else {
            return Ok(Value::Null);
        };
        let tried = choice.tried.iter().map(|(kind, reason)| {
            Value::Dict(Dict::from_pairs([
                ("Kind", Value::from(kind.as_str())),
                ("Reason", Value::from(reason.as_str())),
            ]))
        });
        Ok(Value::Dict(Dict::from_pairs([
            ("Kind", Value::from(choice.kind.as_str())),
            ("Detail", Value::from(stats.detail)),
            ("Events", Value::from(stats.events)),
            ("Lost", Value::from(stats.lost)),
            ("Tried", Value::array(tried.collect())),
        ])))
    }
}
