//! `rate()`: change per change.

use crate::prelude::*;

/// Returns how much `x` changed per change of `y` since the row before; NULL on the first.
#[derive(VqlArgs)]
pub struct Args {
    /// What is measured.
    x: f64,
    /// What it is measured against, usually a time.
    y: f64,
}

pub struct Rate;

impl Aggregate for Rate {
    type Args = Args;
    const NAME: &'static str = "rate";
    const CATEGORY: Category = Category::Math;
    const EXAMPLES: &'static [Example] = &[
        example("the first row", "rate(x=1, y=1)", "null"),
        example(
            "later rows",
            "get(item={ SELECT rate(x=_value * 10, y=_value) AS R FROM range(end=2) }, field=1).R",
            "10",
        ),
    ];

    fn update(state: &mut Value, _: &Scope, args: Args) -> VqlResult {
        let rate = match state.as_array() {
            Some([Value::Float(x), Value::Float(y)]) => Value::Float((args.x - x) / (args.y - y)),
            _ => Value::Null,
        };
        *state = Value::from(vec![args.x, args.y]);
        Ok(rate)
    }
}
