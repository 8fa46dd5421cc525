//! `rand()`: a random number.

use crate::prelude::*;

/// Returns a random whole number from 0 up to, not including, `range`, with equal probability; 0 without a
/// range.
#[derive(VqlArgs)]
pub struct Args {
    /// The number to stay below.
    #[arg(default = 0)]
    range: i64,
}

pub struct Rand;

impl Function for Rand {
    type Args = Args;
    const NAME: &'static str = "rand";
    const CATEGORY: Category = Category::Math;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("no range", "rand()", "0"),
        example("one possibility", "rand(range=1)", "0"),
        example("stays below", "rand(range=6) < 6", "true"),
        fails("a negative range", "rand(range=-5)", "`range` -5 is negative"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Ok(range) = u64::try_from(args.range) else {
            return Err(format!("`range` {} is negative", args.range).into());
        };
        if range == 0 {
            return Ok(Value::from(0i64));
        }
        // Numbers in the last, incomplete run of `range` would come up too often.
        let limit = u64::MAX - u64::MAX % range;
        for _ in 0..64 {
            let mut bytes = [0; 8];
            scope.context().random().fill(&mut bytes);
            let number = u64::from_le_bytes(bytes);
            if number < limit {
                return Ok(Value::from(number % range));
            }
        }
        Ok(Value::from(0i64))
    }
}
