//! `substr()`: part of a string, by character position.

use crate::prelude::*;

/// Returns the characters of `str` from `start` up to, not including, `end`.
///
/// Positions count characters, not bytes, and are clipped to the string; a byte that is not UTF-8 counts as
/// one.
#[derive(VqlArgs)]
pub struct Args {
    /// The string to cut.
    str: Str,
    /// Position of the first character to keep.
    #[arg(default = 0)]
    start: i64,
    /// Position after the last character to keep; 0 means the end.
    #[arg(default = 0)]
    end: i64,
}

pub struct Substr;

impl Function for Substr {
    type Args = Args;
    const NAME: &'static str = "substr";
    const CATEGORY: Category = Category::Strings;
    const EXAMPLES: &'static [Example] = &[
        example("to the end", "substr(str='Hello world', start=6)", r#""world""#),
        example("a part", "substr(str='Hello', start=1, end=3)", r#""el""#),
        example("characters", "substr(str='日本語', start=1, end=2)", r#""本""#),
        example(
            "bytes that are not text",
            "format(format='%x', args=substr(str=unhex(string='41e9ff42'), start=1, end=3))",
            r#""e9ff""#,
        ),
        example("past the end", "substr(str='abc', end=99)", r#""abc""#),
        example("behind the end", "substr(str='abc', start=9)", r#""""#),
        fails(
            "backwards",
            "substr(str='abc', start=2, end=1)",
            "`end` 1 is before `start` 2",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let Ok(start) = usize::try_from(args.start) else {
            return Err(format!("`start` {} is negative; positions count from 0", args.start).into());
        };
        let end = match usize::try_from(args.end) {
            Ok(0) => usize::MAX,
            Ok(end) if end >= start => end,
            _ => return Err(format!("`end` {} is before `start` {start}", args.end).into()),
        };
        let text = &args.str[..];
        let start = offset_of(text, start);
        let end = offset_of(text, end);
        Ok(Value::str(text.get(start..end).unwrap_or_default()))
    }
}

/// The offset of a character; the length after the last one.
fn offset_of(text: &[u8], position: usize) -> usize {
    let (mut at, mut left) = (0, position);
    for chunk in text.utf8_chunks() {
        if let Some((start, _)) = chunk.valid().char_indices().nth(left) {
            return at + start;
        }
        left -= chunk.valid().chars().count();
        at += chunk.valid().len();
        if left < chunk.invalid().len() {
            return at + left;
        }
        left -= chunk.invalid().len();
        at += chunk.invalid().len();
    }
    at
}
