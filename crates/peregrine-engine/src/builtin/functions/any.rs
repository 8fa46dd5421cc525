//! `any()` and `all()`: tests over one collection.

use crate::prelude::*;

/// Tells whether the items of a collection pass a test.
///
/// The items are the rows of a query, the elements of an array, the values of a dict, or the single value given.
/// Either `filter` or `regex` is needed; `regex` goes first. `any` is true if some item passes (one regex suffices),
/// `all` if every item does (and matches every regex).
#[derive(VqlArgs)]
pub struct Args {
    /// What to test.
    items: Value,
    /// A lambda on one item.
    filter: Option<Lambda>,
    /// Regular expressions, ignoring case.
    regex: Option<Vec<Str>>,
}

pub struct Any;

impl Function for Any {
    type Args = Args;
    const NAME: &'static str = "any";
    const CATEGORY: Category = Category::Logic;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a lambda over the values of a dict",
            "any(items=dict(a=1, b=7), filter='v => v > 5')",
            "true",
        ),
        example(
            "one regex suffices",
            "any(items=['a', 'b'], regex=['B', 'x'])",
            "true",
        ),
        example(
            "nothing passes in an empty list",
            "any(items=[], regex='x')",
            "false",
        ),
        fails("no test", "any(items=[1, 2])", "any: one of `filter` or `regex`"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let regexes = args.regex;
        let passes: Box<dyn Fn(&Value) -> bool + Send + Sync> = match (regexes, args.filter) {
            (Some(regexes), _) => {
                Box::new(move |item| regexes.iter().any(|regex| matches(scope, item, regex)))
            }
            (None, Some(filter)) => {
                Box::new(move |item| filter.call(scope, std::slice::from_ref(item)).truth(scope))
            }
            (None, None) => return Err(missing()),
        };
        Ok(Value::Bool(find(scope, args.items, passes)))
    }
}

pub struct All;

impl Function for All {
    type Args = Args;
    const NAME: &'static str = "all";
    const CATEGORY: Category = Category::Logic;
    const EXAMPLES: &'static [Example] = &[
        example(
            "every item passes",
            "all(items=[1, 2], filter='x => x > 0')",
            "true",
        ),
        example(
            "one does not",
            "all(items=['ab', 'b'], regex=['b', 'a'])",
            "false",
        ),
        example("an empty list passes", "all(items=[], regex='x')", "true"),
        fails("no test", "all(items=[1, 2])", "all: one of `filter` or `regex`"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let regexes = args.regex;
        let fails: Box<dyn Fn(&Value) -> bool + Send + Sync> = match (regexes, args.filter) {
            (Some(regexes), _) => {
                Box::new(move |item| !regexes.iter().all(|regex| matches(scope, item, regex)))
            }
            (None, Some(filter)) => {
                Box::new(move |item| !filter.call(scope, std::slice::from_ref(item)).truth(scope))
            }
            (None, None) => return Err(missing()),
        };
        Ok(Value::Bool(!find(scope, args.items, fails)))
    }
}

fn missing() -> VqlError {
    "one of `filter` or `regex` should be given".into()
}

fn matches(scope: &Scope, item: &Value, regex: &Str) -> bool {
    item.matches(scope, &Value::Str(regex.clone()))
}

/// True if some item satisfies the test; a query stops there.
fn find(scope: &Scope, items: Value, test: impl Fn(&Value) -> bool + Send + Sync) -> bool {
    match items {
        Value::Query(query) => {
            let mut found = false;
            let sink = |row: Row| {
                found = test(&row.into_value());
                if found { Err(Stop) } else { Ok(()) }
            };
            // Stopped by the closure, or by a cancellation, which ends everything anyway.
            let _ = query.run(scope, &mut FnSink(sink));
            found
        }
        Value::Dict(dict) => dict.values().iter().any(test),
        other => match other.into_list(scope) {
            Ok(items) => items.iter().any(test),
            Err(single) => test(&single),
        },
    }
}
