//! `parse_json()`: a dict from JSON.

use super::no_schema;
use crate::prelude::*;

/// Parses one JSON object. The order of its keys is kept; of a repeated key, the last value counts.
///
/// Whole numbers are integers; strings that are RFC 3339 times become times. The text must start with `{`.
#[derive(VqlArgs)]
pub struct Args {
    /// The text.
    data: Str,
    /// A JSON schema to check against.
    schema: Option<Vec<String>>,
}

pub struct ParseJson;

impl Function for ParseJson {
    type Args = Args;
    const NAME: &'static str = "parse_json";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const IS_PURE: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example(
            "order is kept",
            r#"parse_json(data='{"b":1,"a":{"x":-2}}')"#,
            r#"{"b":1,"a":{"x":-2}}"#,
        ),
        example(
            "times",
            r#"parse_json(data='{"t":"2024-01-02T03:04:05Z"}').t.Unix"#,
            "1704164645",
        ),
        fails(
            "an array is not an object",
            "parse_json(data='[1]')",
            "parse_json: expected an object: [1] ...",
        ),
        fails(
            "blanks in front",
            "parse_json(data=' {}')",
            "parse_json: expected an object",
        ),
        fails("half an object", r#"parse_json(data='{"a":')"#, "invalid JSON"),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        no_schema(args.schema.as_ref())?;
        let parsed = match args.data.first() {
            Some(b'{') => text_of_json(&args.data),
            _ => Err("expected an object".into()),
        };
        Ok(parsed.map_err(|error| format!("{error}: {} ...", start_of(&args.data)))?)
    }
}

/// The first 100 characters.
pub(super) fn start_of(text: &Str) -> String {
    text.as_utf8_lossy().chars().take(100).collect()
}
