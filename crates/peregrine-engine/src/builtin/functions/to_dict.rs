//! `to_dict()`: rows or members to a dict.

use crate::prelude::*;

/// Makes a dict: of a query from its columns `_key` and `_value`, of anything else from its members.
#[derive(VqlArgs)]
pub struct Args {
    /// A query, or something with members.
    item: Option<Value>,
}

pub struct ToDict;

impl Function for ToDict {
    type Args = Args;
    const NAME: &'static str = "to_dict";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a query",
            "to_dict(item={ SELECT format(format='k%v', args=_value) AS _key, _value FROM range(end=2) })",
            r#"{"k0":0,"k1":1}"#,
        ),
        example("a dict", "to_dict(item=dict(A=1))", r#"{"A":1}"#),
        example("nothing", "to_dict(item=NULL)", "{}"),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let Value::Query(query) = args.item.clone().unwrap_or_default() else {
            return Ok(Value::Dict(args.item.unwrap_or_default().to_dict(scope)));
        };
        let dict = Dict::new();
        query.run(
            scope,
            &mut FnSink(|row: Row| {
                if let Some(Value::Str(key)) = row.get("_key")
                    && !key.is_empty()
                {
                    dict.set(key, row.get("_value").unwrap_or_default());
                }
                scope.checkpoint()
            }),
        )?;
        Ok(Value::Dict(dict))
    }
}
