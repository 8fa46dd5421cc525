//! `utf16_encode()`: text as UTF-16.

use crate::prelude::*;

/// Encodes a string as little-endian UTF-16 without a byte order mark.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: String,
}

pub struct Utf16Encode;

impl Function for Utf16Encode {
    type Args = Args;
    const NAME: &'static str = "utf16_encode";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[example(
        "two letters",
        "utf16_encode(string='Hi')",
        "\"H\\u0000i\\u0000\"",
    )];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::str(
            args.string
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>(),
        ))
    }
}
