//! `serialize()`: a value as text.

use super::form;
use crate::prelude::*;

/// Writes a value as `json` (indented), `yaml`, `csv`, `string`, `hex` or `base64` (without padding). Queries are
/// expanded to their rows.
#[derive(VqlArgs)]
pub struct Args {
    /// The value.
    item: Value,
    /// The format; json when left out.
    format: Option<String>,
}

pub struct Serialize;

impl Function for Serialize {
    type Args = Args;
    const NAME: &'static str = "serialize";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        example("JSON", "serialize(item=dict(A=1))", r#""{\n \"A\": 1\n}""#),
        example(
            "YAML",
            "serialize(item=dict(A=[1, 'x']), format='yaml')",
            r#""A:\n- 1\n- x\n""#,
        ),
        example(
            "rows with other columns",
            "serialize(item=[dict(A=1), dict(B=2, A=3)], format='csv')",
            r#""A,B\n1,\n3,2\n""#,
        ),
        example(
            "CSV",
            "serialize(item=[dict(A=1, B='x y'),], format='csv')",
            r#""A,B\n1,x y\n""#,
        ),
        fails(
            "another format",
            "serialize(item=1, format='toml')",
            "unknown format `toml`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        form::write(scope, args.item, args.format.as_deref().unwrap_or_default())
    }
}
