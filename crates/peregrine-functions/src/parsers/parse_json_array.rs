//! `parse_json_array()`: a list from JSON.

use super::{no_schema, parse_json::start_of};
use crate::prelude::*;

/// Parses a JSON array; empty text is an empty list. Objects in it are parsed as by `parse_json()`.
#[derive(VqlArgs)]
pub struct Args {
    /// The text.
    data: Str,
    /// A JSON schema to check against.
    schema: Option<Vec<String>>,
}

pub struct ParseJsonArray;

impl Function for ParseJsonArray {
    type Args = Args;
    const NAME: &'static str = "parse_json_array";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const IS_PURE: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example(
            "a list",
            r#"parse_json_array(data='[1,"a",{"k":2}]')"#,
            r#"[1,"a",{"k":2}]"#,
        ),
        example("blanks only", "parse_json_array(data='  ')", "[]"),
        fails(
            "an object is not an array",
            "parse_json_array(data='{}')",
            "expected an array",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        no_schema(args.schema.as_ref())?;
        let text = args.data.trim_ascii();
        let parsed = match text.first() {
            None => return Ok(Value::array(Vec::new())),
            Some(b'[') => text_of_json(text),
            Some(_) => Err("expected an array".into()),
        };
        Ok(parsed.map_err(|error| format!("{error}: {} ...", start_of(&args.data)))?)
    }
}
