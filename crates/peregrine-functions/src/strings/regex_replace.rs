//! `regex_replace()`: other text for every match.

use regex::bytes::Captures;

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
        let replaced = match args.replace_lambda.filter(|text| !text.is_empty()) {
            Some(text) => {
                let lambda = Lambda::parse(scope, &text)?;
                regex.replace_all(&args.source, |found: &Captures<'_>| {
                    let found = Value::str(found.get(0).map_or(&b""[..], |found| found.as_bytes()));
                    lambda.call(scope, &[found]).reduce(scope).to_text(scope).to_vec()
                })
            }
            None => regex.replace_all(&args.source, args.replace.unwrap_or_default().as_bytes()),
        };
        Ok(Value::str(&replaced[..]))
    }
}
