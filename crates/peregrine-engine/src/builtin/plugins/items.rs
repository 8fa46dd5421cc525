//! `items()`: a collection as rows.

use crate::prelude::*;

/// Yields `_key` and `_value`: the keys of a dict, the positions of an array's elements or a query's rows.
#[derive(VqlArgs)]
pub struct Args {
    /// The collection.
    item: Option<Value>,
}

#[derive(IntoRow)]
pub struct Item {
    /// Key or position.
    #[column(name = "_key")]
    key: Value,
    /// The value.
    #[column(name = "_value")]
    value: Value,
}

pub struct Items;

impl Plugin for Items {
    type Args = Args;
    type Row = Item;
    const NAME: &'static str = "items";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example("a dict", "items(item=dict(b=1))", r#"[{"_key":"b","_value":1}]"#),
        example(
            "an array",
            "items(item=(7, 8))",
            r#"[{"_key":0,"_value":7},{"_key":1,"_value":8}]"#,
        ),
        example(
            "a query",
            "items(item={ SELECT * FROM range(end=1) })",
            r#"[{"_key":0,"_value":{"_value":0}}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Item>) -> VqlResult<()> {
        match args.item.unwrap_or_default() {
            Value::Null => Ok(()),
            Value::Query(query) => {
                let mut position = 0;
                query.run(
                    scope,
                    &mut FnSink(|row: Row| {
                        position += 1;
                        rows.push(Item {
                            key: Value::Int(position - 1),
                            value: row.into_value(),
                        })
                    }),
                )?;
                Ok(())
            }
            Value::Array(items) => {
                for (position, value) in items.iter().enumerate() {
                    rows.push(Item {
                        key: Value::from(position),
                        value: value.clone(),
                    })?;
                }
                Ok(())
            }
            Value::Object(object) if let Some(elements) = object.elements(scope) => {
                for (position, value) in elements.into_iter().enumerate() {
                    rows.push(Item {
                        key: Value::from(position),
                        value,
                    })?;
                }
                Ok(())
            }
            other => {
                for (key, value) in other.to_dict(scope).entries() {
                    rows.push(Item {
                        key: Value::Str(key),
                        value,
                    })?;
                }
                Ok(())
            }
        }
    }
}
