//! `count()`: counts rows.

use crate::prelude::*;

/// Counts its evaluations: with GROUP BY the rows of the group, else the rows so far.
#[derive(VqlArgs)]
pub struct Args {
    /// Ignored.
    #[allow(dead_code, reason = "accepted, and not needed to count")]
    items: Option<Lazy>,
}

pub struct Count;

impl Aggregate for Count {
    type Args = Args;
    const NAME: &'static str = "count";
    const CATEGORY: Category = Category::Math;
    const EXAMPLES: &'static [Example] = &[
        example("one evaluation", "count()", "1"),
        fails("an unknown argument", "count(foo=1)", "count: Unexpected arg foo"),
    ];

    const TALLY: Option<Tally> = Some(|state, _| add(state, 1));

    fn update(state: &mut Value, _: &Scope, _: Args) -> VqlResult {
        Ok(Value::Int(add(state, 1)))
    }
}

/// Adds to a running number.
pub(super) fn add(state: &mut Value, number: i64) -> i64 {
    let sum = state.as_i64().unwrap_or(0).wrapping_add(number);
    *state = Value::Int(sum);
    sum
}
