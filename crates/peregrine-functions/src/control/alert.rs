//! `alert()`: a message that raises an alert on the server.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::prelude::*;

/// Raises an alert with the data in all other arguments. Repeats of the same name within a while are only
/// logged.
///
/// A server keeps the alerts of all queries, of its machines and its own, as events of
/// `Server.Internal.Alerts`. What an alert says is data: it does not make a collection fail.
#[derive(VqlArgs)]
pub struct Args {
    /// Its name.
    name: Str,
    /// Seconds during which repeats are only logged.
    #[arg(default = 7200)]
    dedup: i64,
    /// No alert is raised when this is given and false.
    condition: Option<Value>,
    /// Data of the alert.
    #[arg(rest)]
    event_data: Vec<(Str, Lazy)>,
}

pub struct Alert;

/// When each name was last raised; bounded, because names can come from data.
#[derive(Default)]
struct Raised(Mutex<HashMap<Str, i128>>);

const MAX_NAMES: usize = 1000;

impl Function for Alert {
    type Args = Args;
    const NAME: &'static str = "alert";
    const CATEGORY: Category = Category::Events;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example("with data", "alert(name='Found', host='h1')", "true"),
        example("not true", "alert(name='Found', condition=FALSE)", "null"),
        fails(
            "what is logged",
            "alert(name='Seen', host='h1')",
            r#""event_data":{"host":"h1"}"#,
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        if args.condition.is_some_and(|condition| !condition.truth(scope)) {
            return Ok(Value::Null);
        }
        let data: Dict = args
            .event_data
            .iter()
            .map(|(name, value)| (name.clone(), value.force(scope)))
            .collect();
        let now = scope.clock().now();
        let event = Dict::from_pairs([
            ("name", Value::Str(args.name.clone())),
            ("timestamp", Value::Time(now)),
            ("event_data", Value::Dict(data)),
        ]);
        let text = json_text(scope, &Value::Dict(event));
        let text = String::from_utf8_lossy(&text);
        if is_repeat(scope, &args.name, args.dedup, now) {
            scope.log(Level::Info, &format!("Alert {} (Sup): {text}", args.name));
        } else {
            scope.log(Level::Alert, &text);
        }
        Ok(Value::from(true))
    }
}

fn is_repeat(scope: &Scope, name: &Str, dedup: i64, now: Time) -> bool {
    let raised = scope.cache("alert", Raised::default);
    let mut raised = raised.0.lock();
    let window = i128::from(dedup) * 1_000_000_000;
    match raised.get(name) {
        Some(last) if now.unix_nanos() - last < window => true,
        _ => {
            if raised.len() >= MAX_NAMES {
                raised.clear();
            }
            raised.insert(name.clone(), now.unix_nanos());
            false
        }
    }
}
