//! `base85decode()`: bytes from Ascii85.

use crate::prelude::*;

/// Decodes Ascii85, with or without `<~ ~>`; `z` stands for four zero bytes, white space is ignored.
///
/// At the first invalid character it stops, logs a message, and returns what was decoded so far.
#[derive(VqlArgs)]
pub struct Args {
    /// The text.
    string: Str,
}

pub struct Base85Decode;

impl Function for Base85Decode {
    type Args = Args;
    const NAME: &'static str = "base85decode";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[
        example("a word", "base85decode(string='<~87cURDZ~>')", r#""Hello""#),
        fails(
            "a wrong character",
            "base85decode(string='87cUR|')",
            "wrong character",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let (decoded, error) = decode(args.string.trim_ascii());
        if let Some(error) = error {
            scope.log_line(&format!("base85decode: {error}"));
        }
        Ok(Value::str(decoded))
    }
}

fn decode(text: &[u8]) -> (Vec<u8>, Option<String>) {
    let text = text.strip_prefix(b"<~").unwrap_or(text);
    let text = text.strip_suffix(b"~>").unwrap_or(text);
    let mut decoded = Vec::with_capacity(text.len() / 5 * 4);
    let (mut group, mut digits) = (0u64, 0u32);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'z' if digits == 0 => decoded.extend([0; 4]),
            b'!'..=b'u' => {
                group = group * 85 + u64::from(byte - b'!');
                digits += 1;
                if digits == 5 {
                    let Ok(word) = u32::try_from(group) else {
                        return (decoded, Some(format!("a group that is too large at offset {at}")));
                    };
                    decoded.extend(word.to_be_bytes());
                    (group, digits) = (0, 0);
                }
            }
            byte if byte.is_ascii_whitespace() => {}
            _ => return (decoded, Some(format!("wrong character at offset {at}"))),
        }
    }
    if digits == 1 {
        return (decoded, Some("the last group has only one character".into()));
    }
    if digits > 1 {
        // A short group is padded with the largest digit; n digits carry n - 1 bytes.
        for _ in digits..5 {
            group = group * 85 + 84;
        }
        decoded.extend(&(group as u32).to_be_bytes()[..digits as usize - 1]);
    }
    (decoded, None)
}
