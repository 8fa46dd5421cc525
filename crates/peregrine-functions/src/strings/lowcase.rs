//! `lowcase()`: lower-case letters.

use super::each_character;
use crate::prelude::*;

/// Converts letters to lower case, one character at a time.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
}

pub struct Lowcase;

impl Function for Lowcase {
    type Args = Args;
    const NAME: &'static str = "lowcase";
    const CATEGORY: Category = Category::Strings;
    const EXAMPLES: &'static [Example] = &[
        example("letters of any script", "lowcase(string='ÀB')", r#""àb""#),
        example(
            "bytes that are not text stay",
            "format(format='%x', args=lowcase(string='A' + unhex(string='c9')))",
            r#""61c9""#,
        ),
        example("NULL is empty", "lowcase(string=NULL)", r#""""#),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        // `İ` becomes two characters in Unicode's full mapping; the first is that of the simple mapping.
        Ok(Value::str(each_character(&args.string, |c| {
            c.to_lowercase().next().unwrap_or(c)
        })))
    }
}
