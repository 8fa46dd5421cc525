//! `upcase()`: upper-case letters.

use super::each_character;
use crate::prelude::*;

/// Converts letters to upper case, one character at a time; a letter whose capital is several characters
/// (`ß`) stays.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
}

pub struct Upcase;

impl Function for Upcase {
    type Args = Args;
    const NAME: &'static str = "upcase";
    const CATEGORY: Category = Category::Strings;
    const EXAMPLES: &'static [Example] = &[
        example("letters of any script", "upcase(string='aé')", r#""AÉ""#),
        example(
            "bytes that are not text stay",
            "format(format='%x', args=upcase(string='a' + unhex(string='e9')))",
            r#""41e9""#,
        ),
        example("no single capital", "upcase(string='ß')", r#""ß""#),
        example("numbers are text", "upcase(string=12)", r#""12""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::str(each_character(&args.string, capital)))
    }
}

fn capital(c: char) -> char {
    let mut capitals = c.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}
