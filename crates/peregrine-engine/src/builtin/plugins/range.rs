//! `range()`: numbers in order.

use crate::prelude::*;

/// Yields the numbers from `start` up to, not including, `end`.
#[derive(VqlArgs)]
pub struct Args {
    /// The first number.
    #[arg(default = 0)]
    start: i64,
    /// The number to stop before.
    end: i64,
    /// The distance between two numbers; 0 counts as 1.
    #[arg(default = 1)]
    step: i64,
}

#[derive(IntoRow)]
pub struct Number {
    /// The number.
    #[column(name = "_value")]
    value: i64,
}

pub struct Range;

impl Plugin for Range {
    type Args = Args;
    type Row = Number;
    const NAME: &'static str = "range";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "up to three",
            "range(end=3)",
            r#"[{"_value":0},{"_value":1},{"_value":2}]"#,
        ),
        example(
            "with a step",
            "range(start=1, end=6, step=2)",
            r#"[{"_value":1},{"_value":3},{"_value":5}]"#,
        ),
        example(
            "a negative step yields nothing",
            "range(start=3, end=0, step=-1)",
            "[]",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Number>) -> VqlResult<()> {
        let step = if args.step == 0 { 1 } else { args.step };
        let mut value = args.start;
        while step > 0 && value < args.end {
            scope.checkpoint()?;
            rows.push(Number { value })?;
            let Some(next) = value.checked_add(step) else {
                break;
            };
            value = next;
        }
        Ok(())
    }
}
