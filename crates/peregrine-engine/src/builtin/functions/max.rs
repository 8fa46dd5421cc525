//! `max()`: the largest value.

use crate::prelude::*;

/// Returns the largest value of the group, or so far, by the order of `<`. A value that cannot be compared (NULL)
/// replaces the one before it.
#[derive(VqlArgs)]
pub struct Args {
    /// The value.
    item: Value,
}

pub struct Max;

impl Aggregate for Max {
    type Args = Args;
    const NAME: &'static str = "max";
    const CATEGORY: Category = Category::Math;
    const EXAMPLES: &'static [Example] = &[
        example("one value", "max(item=5)", "5"),
        example(
            "of a group",
            "get(item={ SELECT max(item=_value) AS M FROM range(end=3) GROUP BY 1 }, field=0).M",
            "2",
        ),
        fails("nothing", "max(items=1)", "max: "),
    ];

    fn update(state: &mut Value, scope: &Scope, args: Args) -> VqlResult {
        if state.is_null() || !args.item.less_than(scope, state) {
            *state = args.item;
        }
        Ok(state.clone())
    }
}
