//! `utf16()`: text out of UTF-16.

use crate::prelude::*;

/// Decodes little-endian UTF-16; an odd last byte is dropped.
#[derive(VqlArgs)]
pub struct Args {
    /// The bytes.
    string: Str,
}

pub struct Utf16;

impl Function for Utf16 {
    type Args = Args;
    const NAME: &'static str = "utf16";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        example("two letters", r#"utf16(string="H\x00i\x00")"#, r#""Hi""#),
        example("half a pair", r#"utf16(string="\x00\xd8")"#, "\"\u{fffd}\""),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let units = args
            .string
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text: String = char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        Ok(Value::from(text))
    }
}
