//! `min()`: the smallest value.

use crate::prelude::*;

/// Returns the smallest value of the group, or so far, by the order of `<`. A NULL that comes first stays.
#[derive(VqlArgs)]
pub struct Args {
    /// The value.
    item: Value,
}

pub struct Min;

impl Aggregate for Min {
    type Args = Args;
    const NAME: &'static str = "min";
    const CATEGORY: Category = Category::Math;
    const EXAMPLES: &'static [Example] = &[
        example("one value", "min(item=5)", "5"),
        example(
            "of a group",
            "get(item={ SELECT min(item=3 - _value) AS M FROM range(end=3) GROUP BY 1 }, field=0).M",
            "1",
        ),
        fails("nothing", "min()", "min: Field item is required"),
    ];

    fn update(state: &mut Value, scope: &Scope, args: Args) -> VqlResult {
        // A list of one tells "NULL so far" from "nothing so far".
        let known = state.as_array().and_then(|known| known.first().cloned());
        let smallest = match known {
            Some(known) if !args.item.less_than(scope, &known) => known,
            _ => args.item,
        };
        *state = Value::array(vec![smallest.clone()]);
        Ok(smallest)
    }
}
