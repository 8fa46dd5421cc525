//! `utf16_encode()`: text as UTF-16.

use crate::prelude::*;

/// Encodes a string as little-endian UTF-16 without a byte order mark.
///
/// A byte that is not UTF-8 becomes the surrogate 0xDC00 plus the byte, which `utf16()` turns back into the
/// byte.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
}

pub struct Utf16Encode;

impl Function for Utf16Encode {
    type Args = Args;
    const NAME: &'static str = "utf16_encode";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        example("two letters", "utf16_encode(string='Hi')", "\"H\\u0000i\\u0000\""),
        example(
            "bytes that are not UTF-8",
            r"(utf16_encode(string='a\xff') = 'a\x00\xff\xdc', utf16(string=utf16_encode(string='\xed\xa0\x80\xfeé')) = '\xed\xa0\x80\xfeé')",
            "[true,true]",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        // At most twice the size.
        let size = args.string.len().saturating_mul(2);
        scope.reserve(size)?;
        let mut encoded = Vec::with_capacity(size);
        for chunk in args.string.utf8_chunks() {
            encoded.extend(chunk.valid().encode_utf16().flat_map(u16::to_le_bytes));
            let odd = chunk.invalid().iter();
            encoded.extend(odd.flat_map(|byte| (0xdc00 + u16::from(*byte)).to_le_bytes()));
        }
        Ok(Value::str(encoded))
    }
}
