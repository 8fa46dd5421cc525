//! `lowcase()`: small letters.

use crate::prelude::*;

/// Turns letters into small ones, one character at a time.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: String,
}

pub struct Lowcase;

impl Function for Lowcase {
    type Args = Args;
    const NAME: &'static str = "lowcase";
    const CATEGORY: Category = Category::Strings;
    const EXAMPLES: &'static [Example] = &[
        example("letters of any script", "lowcase(string='ÀB')", r#""àb""#),
        example("NULL is empty", "lowcase(string=NULL)", r#""""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        // `İ` becomes two characters in Unicode's full mapping; the first is the simple one.
        Ok(Value::from(
            args.string
                .chars()
                .filter_map(|c| c.to_lowercase().next())
                .collect::<String>(),
        ))
    }
}
