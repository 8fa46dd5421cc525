//! `parse_json_array()`: rows from a JSON array.

use peregrine_engine::prelude::*;
use peregrine_functions::parse_json;

use super::json_rows::row;

/// Yields a row for each element of a JSON array; elements that are not objects get a `_value` column.
#[derive(VqlArgs)]
pub struct Args {
    /// The text.
    data: Str,
    /// A JSON schema to check against; not supported.
    schema: Option<Vec<String>>,
}

pub struct ParseJsonArray;

impl Plugin for ParseJsonArray {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "parse_json_array";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "objects",
            r#"parse_json_array(data='[{"a":1},2]')"#,
            r#"[{"a":1},{"_value":2}]"#,
        ),
        fails("no array", "parse_json_array(data='{}')", "expected an array"),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        if args.schema.is_some_and(|schema| !schema.is_empty()) {
            return Err("`schema` is not supported by this version; leave it out and check the rows".into());
        }
        let text = args.data.trim_ascii();
        if text.is_empty() {
            return Ok(());
        }
        let Value::Array(items) = parse_json(text)? else {
            return Err("expected an array".into());
        };
        for item in items.iter() {
            scope.checkpoint()?;
            rows.push(row(item.clone()))?;
        }
        Ok(())
    }
}
