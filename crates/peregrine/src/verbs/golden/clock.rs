//! The clock of snapshot tests: it stands still until `mock_time()` sets it.

use parking_lot::Mutex;
use peregrine_engine::context::Clock;
use peregrine_engine::prelude::*;

/// The functions of this file.
pub(super) const FUNCTIONS: &[FunctionDef] = functions![MockTime];

/// 2020-05-31T15:28:05.00000001Z: the fixed time of all tests.
const NOW: (i64, u32) = (1_590_938_885, 10);

/// Always returns the same time.
pub(super) struct FrozenClock(Mutex<Time>);

impl Default for FrozenClock {
    fn default() -> FrozenClock {
        FrozenClock(Mutex::new(Time::from_unix(NOW.0, NOW.1)))
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Time {
        *self.0.lock()
    }

    fn told(&self) -> Time {
        Time::from_unix(NOW.0, NOW.1)
    }
}

/// Sets the clock by which caches expire and messages are suppressed. `now()` is not affected.
#[derive(VqlArgs)]
struct Args {
    /// Seconds since 1970.
    now: i64,
}

struct MockTime;

impl Function for MockTime {
    type Args = Args;
    const NAME: &'static str = "mock_time";
    const CATEGORY: Category = Category::Experimental;
    const EXAMPLES: &'static [Example] = &[not_run("an hour later", "mock_time(now=now() + 3600)")];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let clock = scope
            .extension::<FrozenClock>()
            .ok_or("the clock can be set only in tests (`peregrine golden`)")?;
        *clock.0.lock() = Time::from_unix(args.now, 0);
        Ok(Value::Null)
    }
}
