//! `items()`: a dict as a list of its entries.

use crate::prelude::*;

/// Turns a dict into an array of `_key`, `_value` pairs; anything else into one `_value`.
#[derive(VqlArgs)]
pub struct Args {
    /// The dict.
    item: Option<Value>,
}

pub struct Items;

impl Function for Items {
    type Args = Args;
    const NAME: &'static str = "items";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("a dict", "items(item=dict(X=1))", r#"[{"_key":"X","_value":1}]"#),
        example("anything else", "items(item=5)", r#"[{"_value":5}]"#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let entry = |key: Str, value: Value| Dict::from_pairs([("_key", Value::Str(key)), ("_value", value)]);
        Ok(match args.item.unwrap_or_default() {
            Value::Dict(dict) => dict
                .entries()
                .into_iter()
                .map(|(key, value)| entry(key, value))
                .collect(),
            other => Value::array(vec![Value::Dict(Dict::from_pairs([("_value", other)]))]),
        })
    }
}
