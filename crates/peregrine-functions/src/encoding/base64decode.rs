//! `base64decode()`: bytes from base64.

use std::sync::LazyLock;

use data_encoding::Encoding;

use crate::prelude::*;

/// Decodes base64, standard alphabet, with padding; line ends are ignored. Invalid base64 gives NULL.
#[derive(VqlArgs)]
pub struct Args {
    /// The text.
    string: Str,
}

pub struct Base64Decode;

/// Accepts any bits after the last byte, because encoders differ.
static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = data_encoding::BASE64.specification();
    specification.ignore.push_str("\r\n");
    specification.check_trailing_bits = false;
    specification.encoding().unwrap_or(data_encoding::BASE64)
});

impl Function for Base64Decode {
    type Args = Args;
    const NAME: &'static str = "base64decode";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        example("a word", "base64decode(string='UGVyZWdyaW5l')", r#""Peregrine""#),
        example(
            "two lines",
            r#"base64decode(string="UGVy\nZWdyaW5l")"#,
            r#""Peregrine""#,
        ),
        example("no padding", "base64decode(string='SGVsbG8')", "null"),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(LENIENT.decode(&args.string).map_or(Value::Null, Value::str))
    }
}
