//! `regex_replace()`: replaces every match.

use crate::prelude::*;

/// Replaces every match of a regular expression, ignoring case.
///
/// In `replace`, `$1` and `${name}` stand for groups, `$0` for the match, `$$` for a dollar sign; a name is
/// the longest run of letters, digits and `_`, so write `${1}x` for group 1 before an `x`.
#[derive(VqlArgs)]
pub struct Args {
    /// The string to search.
    source: Str,
    /// The replacement.
    replace: Option<Str>,
    /// Called with each match instead; its result is the replacement.
    replace_lambda: Option<Str>,
    /// The regular expression.
    re: Str,
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
            "bytes that are not text stay",
            r"format(format='%x', args=regex_replace(source=unhex(string='41e942ff'), re='a(.)b', replace='$1'))",
            r#""e9ff""#,
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
        let replaced = match args.replace_lambda.filter(|text| !text.is_empty()) {
            Some(text) => {
                let lambda = Lambda::parse(scope, &text)?;
                regex.replace_all_with(&args.source, |found| {
                    let found = Value::str(found);
                    lambda.call(scope, &[found]).reduce(scope).to_text(scope).to_vec()
                })
            }
            None => regex.replace_all(&args.source, &args.replace.unwrap_or_default()),
        };
        // It stops when the query may hold no more.
        scope.check_memory()?;
        Ok(Value::str(&replaced[..]))
    }
}
