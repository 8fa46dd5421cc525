//! `join()`: strings to one string.

use crate::prelude::*;

/// Joins strings.
#[derive(VqlArgs)]
pub struct Args {
    /// The strings; other values join with their text.
    array: Vec<Str>,
    /// The separator.
    sep: Option<Str>,
}

pub struct Join;

impl Function for Join {
    type Args = Args;
    const NAME: &'static str = "join";
    const CATEGORY: Category = Category::Strings;
    const IS_PURE: bool = true;
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        example(
            "with commas",
            "join(array=['a', 1, NULL], sep=',')",
            r#""a,1,Null""#,
        ),
        example("a single value", "join(array='x', sep='-')", r#""x""#),
        example("without separator", "join(array=['a', 'b'])", r#""ab""#),
        fails(
            "nothing to join",
            "join(sep=',')",
            "join: Field array is required",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let between = args.sep.as_ref().map_or(0, |sep| sep.len());
        let texts = args.array.iter().map(|text| text.len());
        let total = texts.fold(0_usize, |total, text| {
            total.saturating_add(text).saturating_add(between)
        });
        scope.reserve(total)?;
        Ok(Value::Str(Str::from(
            args.array.join(args.sep.unwrap_or_default().as_bytes()),
        )))
    }
}
