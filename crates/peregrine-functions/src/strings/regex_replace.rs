//! `regex_replace()`: other text for every match.

use regex::bytes::{Captures, Regex as Bytes};

use crate::prelude::*;

/// Replaces every match of a regular expression, without regard to case.
///
/// In `replace`, `$1` and `${name}` stand for groups, `$0` for the match, `$$` for a dollar sign; the longest run of
/// letters, digits and `_` is the name, so write `${1}x` for group 1 before an `x`.
#[derive(VqlArgs)]
pub struct Args {
    /// Where to search.
    source: Str,
    /// What to put in.
    replace: Option<Str>,
    /// Called with each match instead; its result is put in as text.
    replace_lambda: Option<String>,
    /// The regular expression.
    re: String,
}

pub struct RegexReplace;

impl Function for RegexReplace {
    type Args = Args;
    const NAME: &'static str = "regex_replace";
    const CATEGORY: Category = Category::Parsers;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "groups",
            r"regex_replace(source='2024-01-02', re='(\\d+)-(\\d+)-(\\d+)', replace='$3/$2/$1')",
            r#""02/01/2024""#,
        ),
        example(
            "any case",
            "regex_replace(source='Foo foo', re='foo', replace='bar')",
            r#""bar bar""#,
        ),
        example(
            "nothing instead",
            "regex_replace(source='a b', re='\\\\s')",
            r#""ab""#,
        ),
        example(
            "a name ends",
            "regex_replace(source='ab', re='(a)', replace='${1}_')",
            r#""a_b""#,
        ),
        example(
            "a lambda",
            r"regex_replace(source='x1y2', re='\\d', replace_lambda='m=>m + m')",
            r#""x11y22""#,
        ),
        fails(
            "no regular expression",
            "regex_replace(source='a', re='(')",
            "error parsing regexp",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let regex = Regex::cached_ignoring_case(&args.re)?;
        let regex = regex.as_bytes_regex();
        match args.replace_lambda.filter(|text| !text.is_empty()) {
            Some(text) => {
                let lambda = Lambda::parse(scope, &text)?;
                replace_all(scope, regex, &args.source, |found, out| {
                    let found = Value::str(found.get(0).map_or(&b""[..], |found| found.as_bytes()));
                    out.extend_from_slice(&lambda.call(scope, &[found]).reduce(scope).to_text(scope));
                })
            }
            None => {
                let replacement = args.replace.unwrap_or_default();
                replace_all(scope, regex, &args.source, |found, out| {
                    found.expand(&replacement, out)
                })
            }
        }
        .map(Value::Str)
    }
}

/// The text with something else for every match, as long as the query may hold that.
pub(super) fn replace_all(
    scope: &Scope,
    regex: &Bytes,
    text: &Str,
    mut replacement: impl FnMut(&Captures<'_>, &mut Vec<u8>),
) -> VqlResult<Str> {
    /// Bytes that come in between two looks at the memory.
    const PIECE: usize = 1 << 20;
    let mut out = Vec::new();
    let (mut end, mut looked_at) = (0, 0);
    for found in regex.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        out.extend_from_slice(text.get(end..whole.start()).unwrap_or_default());
        replacement(&found, &mut out);
        end = whole.end();
        if out.len() - looked_at >= PIECE {
            looked_at = out.len();
            // It grows to twice its size when it is full.
            scope.reserve(if out.capacity() - looked_at < PIECE {
                looked_at
            } else {
                0
            })?;
        }
    }
    if end == 0 && out.is_empty() {
        return Ok(text.clone());
    }
    out.extend_from_slice(text.get(end..).unwrap_or_default());
    scope.reserve(out.len())?;
    Ok(Str::from(out))
}
