//! `base64encode()`: bytes as base64.

use crate::prelude::*;

/// Encodes a string as base64, standard alphabet, with padding.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
}

pub struct Base64Encode;

impl Function for Base64Encode {
    type Args = Args;
    const NAME: &'static str = "base64encode";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] =
        &[example("a word", "base64encode(string='Hello')", r#""SGVsbG8=""#)];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::from(data_encoding::BASE64.encode(&args.string)))
    }
}
