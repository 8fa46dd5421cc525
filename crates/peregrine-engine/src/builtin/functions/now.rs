//! `now()`: the current time as a number.

use crate::prelude::*;

/// Returns the seconds since 1970.
#[derive(VqlArgs)]
pub struct Args {
    /// Nanoseconds instead of seconds.
    #[arg(default = false)]
    ns: bool,
}

pub struct Now;

impl Function for Now {
    type Args = Args;
    const NAME: &'static str = "now";
    const CATEGORY: Category = Category::Time;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example_shape("seconds", "now()", Shape::Int),
        example("nanoseconds are more", "now(ns=TRUE) > now() * 1000", "true"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let now = scope.clock().told();
        Ok(Value::Int(if args.ns {
            i64::try_from(now.unix_nanos()).unwrap_or(i64::MAX)
        } else {
            now.unix()
        }))
    }
}
