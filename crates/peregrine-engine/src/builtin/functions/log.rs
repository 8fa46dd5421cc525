//! `log()`: writes a message.

use parking_lot::Mutex;

use super::format::values;
use crate::prelude::*;

/// Logs a message and returns TRUE.
///
/// A message whose text before formatting was logged less than `dedup` seconds ago is left out.
#[derive(VqlArgs)]
pub struct Args {
    /// The text; with `args` a format such as `format()` takes.
    message: Str,
    /// Seconds to suppress repetitions for; 0 is 60, negative never.
    #[arg(default = 60)]
    dedup: i64,
    /// Values to format: an array, or a single one.
    args: Option<Value>,
    /// DEFAULT, ERROR, INFO, WARN, DEBUG or ALERT.
    level: Option<Str>,
}

pub struct Log;

impl Function for Log {
    type Args = Args;
    const NAME: &'static str = "log";
    const CATEGORY: Category = Category::Control;
    const VERSION: i64 = 2;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("a message", "log(message='hello')", "true"),
        fails(
            "with a value and a level",
            "log(message='n=%v', args=3, level='info')",
            "INFO:n=3",
        ),
        fails("no message", "log()", "log: Field message is required"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let recent = scope.cache("", Recent::default);
        if args.dedup >= 0
            && !recent.is_new(
                scope,
                &args.message,
                if args.dedup == 0 { 60 } else { args.dedup },
            )
        {
            return Ok(Value::Bool(true));
        }
        let level = args
            .level
            .and_then(|name| Level::parse(&name.as_utf8_lossy()))
            .unwrap_or(Level::Default);
        let text = match args.args {
            None | Some(Value::Null) => args.message,
            given => crate::format::format(scope, &args.message, &values(given)),
        };
        scope.log(level, &text.as_utf8_lossy());
        Ok(Value::Bool(true))
    }
}

/// Messages remembered per query.
const REMEMBERED: usize = 100;

/// Messages with the second each was last logged, oldest first.
#[derive(Default)]
struct Recent(Mutex<Vec<(Str, i64)>>);

impl Recent {
    fn is_new(&self, scope: &Scope, message: &Str, seconds: i64) -> bool {
        let now = scope.clock().now().unix();
        let mut recent = self.0.lock();
        if recent
            .iter()
            .any(|(known, at)| known == message && now.saturating_sub(*at) < seconds)
        {
            return false;
        }
        recent.retain(|(known, _)| known != message);
        if recent.len() >= REMEMBERED {
            recent.remove(0);
        }
        recent.push((message.clone(), now));
        true
    }
}
