//! `utf16()`: text from UTF-16.

use crate::prelude::*;

/// Decodes little-endian UTF-16; a trailing odd byte is dropped.
///
/// A lone surrogate becomes U+FFFD, except 0xDC80 to 0xDCFF, with which `utf16_encode()` (and Python)
/// represents a byte.
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
        example(
            "a byte that is not UTF-8",
            r"utf16(string='a\x00\xff\xdc') = 'a\xff'",
            "true",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let units = args
            .string
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let mut text = Vec::with_capacity(args.string.len() / 2);
        for decoded in char::decode_utf16(units) {
            match decoded.map_err(|half| half.unpaired_surrogate()) {
                Err(half @ 0xdc80..=0xdcff) => text.push(half.to_le_bytes()[0]),
                other => {
                    let letter = other.unwrap_or(char::REPLACEMENT_CHARACTER);
                    text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        Ok(Value::str(text))
    }
}
