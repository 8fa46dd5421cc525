//! `encode()`: a value as text.

use super::form;
use crate::prelude::*;

/// Writes a value as `hex`, `base64` (without padding), `string`, `json` (indented), `yaml` or `csv`, as `serialize()`.
#[derive(VqlArgs)]
pub struct Args {
    /// The value.
    string: Value,
    /// The format.
    #[arg(name = "type")]
    kind: String,
}

pub struct Encode;

impl Function for Encode {
    type Args = Args;
    const NAME: &'static str = "encode";
    const CATEGORY: Category = Category::Encode;
    const VERSION: i64 = 3;
    const EXAMPLES: &'static [Example] = &[
        example(
            "hexadecimal digits",
            "encode(string='Hello', type='hex')",
            r#""48656c6c6f""#,
        ),
        example("base64", "encode(string='Hello', type='base64')", r#""SGVsbG8""#),
        example(
            "text",
            "encode(string=timestamp(epoch=1700000000), type='string')",
            r#""2023-11-14T22:13:20Z""#,
        ),
        fails(
            "only strings have bytes",
            "encode(string=1, type='hex')",
            "a string, not int64",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        form::write(scope, args.string, &args.kind)
    }
}
