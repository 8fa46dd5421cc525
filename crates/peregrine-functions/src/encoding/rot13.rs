//! `rot13()`: letters moved by half the alphabet.

use crate::prelude::*;

/// Moves each ASCII letter by 13; twice is the original.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Option<Str>,
}

pub struct Rot13;

impl Function for Rot13 {
    type Args = Args;
    const NAME: &'static str = "rot13";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[example("a word", "rot13(string='Uryyb 1')", r#""Hello 1""#)];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let text = args.string.unwrap_or_default();
        let moved = text.iter().map(|byte| match byte {
            b'a'..=b'z' => (byte - b'a' + 13) % 26 + b'a',
            b'A'..=b'Z' => (byte - b'A' + 13) % 26 + b'A',
            other => *other,
        });
        Ok(Value::str(moved.collect::<Vec<u8>>()))
    }
}
