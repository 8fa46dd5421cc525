//! `upcase()`: capital letters.

use crate::prelude::*;

/// Turns letters into capitals, one character at a time; a letter whose capital is several characters (`ß`) stays.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: String,
}

pub struct Upcase;

impl Function for Upcase {
    type Args = Args;
    const NAME: &'static str = "upcase";
    const CATEGORY: Category = Category::Strings;
    const EXAMPLES: &'static [Example] = &[
        example("letters of any script", "upcase(string='aé')", r#""AÉ""#),
        example("no single capital", "upcase(string='ß')", r#""ß""#),
        example("numbers are text", "upcase(string=12)", r#""12""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        Ok(Value::from(args.string.chars().map(capital).collect::<String>()))
    }
}

fn capital(c: char) -> char {
    let mut capitals = c.to_uppercase();
    match (capitals.next(), capitals.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}
