//! `unhex()`: bytes from hexadecimal digits.

use crate::prelude::*;

/// Decodes hexadecimal digits up to the first other character; blanks and a leading `0x` are skipped.
#[derive(VqlArgs)]
pub struct Args {
    /// The digits.
    string: Option<Str>,
}

pub struct Unhex;

impl Function for Unhex {
    type Args = Args;
    const NAME: &'static str = "unhex";
    const CATEGORY: Category = Category::Encode;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example("with blanks", "unhex(string='48 65 6c')", r#""Hel""#),
        example("a prefix", "unhex(string='0x4142')", r#""AB""#),
        example(
            "up to the first that is not a digit",
            "unhex(string='41zz')",
            r#""A""#,
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let text: Vec<u8> = args
            .string
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(|c| *c != b' ')
            .collect();
        let digits = text.strip_prefix(b"0x").unwrap_or(&text);
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let bytes = digits.chunks_exact(2).map_while(|pair| match pair {
            [high, low] => Some((digit(*high)? << 4 | digit(*low)?) as u8),
            _ => None,
        });
        Ok(Value::str(bytes.collect::<Vec<u8>>()))
    }
}
