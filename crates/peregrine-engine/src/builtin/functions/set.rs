//! `set()`: changes a dict.

use crate::prelude::*;

/// Sets a key of a dict or of a store such as `lru()`, in place, and returns it. Every variable that refers to it sees
/// the change.
#[derive(VqlArgs)]
pub struct Args {
    /// The dict or store.
    item: Value,
    /// The key, taken as it is.
    field: Str,
    /// The value.
    value: Value,
}

pub struct Set;

impl Function for Set {
    type Args = Args;
    const NAME: &'static str = "set";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a new key",
            "set(item=dict(A=1), field='B', value=2)",
            r#"{"A":1,"B":2}"#,
        ),
        example(
            "a set key moves to the end",
            "set(item=dict(A=1, B=2), field='A', value=9)",
            r#"{"B":2,"A":9}"#,
        ),
        fails(
            "no dict",
            "set(item=1, field='A', value=9)",
            "set: unable to set a field of int64",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        match &args.item {
            Value::Dict(dict) => dict.set(args.field, args.value),
            Value::Object(object) if object.set(scope, &args.field, &args.value) => {}
            other => return Err(format!("unable to set a field of {}", other.type_name()).into()),
        }
        Ok(args.item)
    }
}
