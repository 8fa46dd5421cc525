//! `process_tracker_tree()`: a process with everything below it.

use super::in_force::{Handle, current, instant};
use super::payload::ProcessData;
use super::record::time_value;
use peregrine_engine::prelude::*;
use peregrine_tracker::{Process, Tree};

/// Returns a process and its descendants as nested dicts `{name, id, start_time, end_time, data, children}`.
///
/// Children are sorted by start time and nested up to 20 levels. If anything is left out, that is logged.
/// Without `id`, the first tree of the machine is returned.
#[derive(VqlArgs)]
pub struct Args {
    /// The process at the root.
    id: Option<Str>,
    /// Computes `data` of each node from its record, instead of the record's own `Data`.
    data_callback: Option<Lambda>,
    /// Maximum number of processes.
    #[arg(default = 1000)]
    max_items: i64,
    /// Answer for this point in time. Peregrine's own.
    as_of: Option<Time>,
}

pub struct ProcessTrackerTree;

impl Function for ProcessTrackerTree {
    type Args = Args;
    const NAME: &'static str = "process_tracker_tree";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const EXAMPLES: &'static [Example] = &[
        example_shape(
            "below the first process",
            "process_tracker_tree(id=1)",
            Shape::Dict,
        ),
        example("unknown", "process_tracker_tree(id='nonsense')", "null"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        let tracker = current(scope)?;
        let id = args.id.as_ref().map(|id| id.as_utf8_lossy());
        let limit = usize::try_from(args.max_items).unwrap_or(0);
        let Some(tree) = tracker
            .tracker
            .tree(id.as_deref(), limit, args.as_of.map(instant))
        else {
            return Ok(Value::Null);
        };
        if tree.is_truncated {
            scope.log_line("WARN:process_tracker_tree: the tree is cut: too many processes or too deep");
        }
        Ok(nest(scope, &tracker, args.data_callback.as_ref(), &tree))
    }
}

/// Builds the nested form from the last node to the first, so that children are complete before their parents.
fn nest(scope: &Scope, tracker: &Handle, callback: Option<&Lambda>, tree: &Tree<ProcessData>) -> Value {
    let mut built: Vec<Value> = vec![Value::Null; tree.nodes.len()];
    for (index, node) in tree.nodes.iter().enumerate().rev() {
        let children = node
            .children
            .iter()
            .filter_map(|child| built.get_mut(*child).map(std::mem::take))
            .collect();
        let value = shown(scope, tracker, callback, &node.process, children);
        if let Some(place) = built.get_mut(index) {
            *place = value;
        }
    }
    built.into_iter().next().unwrap_or(Value::Null)
}

fn shown(
    scope: &Scope,
    tracker: &Handle,
    callback: Option<&Lambda>,
    process: &Process<ProcessData>,
    children: Vec<Value>,
) -> Value {
    let own = tracker.data(process);
    let name = own.get("Name").unwrap_or(Value::Null);
    let data = match callback {
        Some(callback) => callback.call(scope, &[tracker.record(scope, process)]),
        None => Value::Dict(own),
    };
    Value::Dict(Dict::from_pairs([
        ("name", name),
        ("id", tracker.id_text(&process.id)),
        ("start_time", time_value(process.start_time)),
        ("end_time", time_value(process.end_time)),
        ("data", data),
        ("children", Value::array(children)),
    ]))
}
