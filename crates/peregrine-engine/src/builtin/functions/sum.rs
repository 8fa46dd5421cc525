//! `sum()`: adds whole numbers.

use super::count::add;
use crate::prelude::*;

/// Adds values up: those of the group, or those so far. Floats lose their fraction.
#[derive(VqlArgs)]
pub struct Args {
    /// The number to add.
    item: i64,
}

pub struct Sum;

impl Aggregate for Sum {
    type Args = Args;
    const NAME: &'static str = "sum";
    const CATEGORY: Category = Category::Math;
    const EXAMPLES: &'static [Example] = &[
        example("one number", "sum(item=5)", "5"),
        example(
            "of a group",
            "get(item={ SELECT sum(item=_value) AS S FROM range(end=4) GROUP BY 1 }, field=0).S",
            "6",
        ),
        fails(
            "no number",
            "sum(item='x')",
            "sum: Field item should be an int not string.",
        ),
    ];

    const TALLY: Option<Tally> = Some(add);

    fn update(state: &mut Value, _: &Scope, args: Args) -> VqlResult {
        Ok(Value::Int(add(state, args.item)))
    }
}
