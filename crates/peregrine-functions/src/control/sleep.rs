//! `sleep()`: waits.

use std::time::Duration;

use crate::prelude::*;

/// Waits for the given time, or until the query is cancelled.
#[derive(VqlArgs)]
pub struct Args {
    /// Seconds.
    #[arg(default = 0)]
    time: i64,
    /// Milliseconds; used instead of `time`.
    #[arg(default = 0)]
    ms: i64,
}

pub struct Sleep;

impl Function for Sleep {
    type Args = Args;
    const NAME: &'static str = "sleep";
    const CATEGORY: Category = Category::Control;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[example("a moment", "sleep(ms=1)", "true")];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let ms = if args.ms == 0 {
            args.time.saturating_mul(1000)
        } else {
            args.ms
        };
        if let Ok(ms) = u64::try_from(ms)
            && scope.cancellation().wait(Duration::from_millis(ms))
        {
            return Err(VqlError::Stopped);
        }
        Ok(Value::from(true))
    }
}
