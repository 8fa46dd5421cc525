//! `parse_string_with_regex()`: groups of matches as a dict.

use peregrine_engine::regex::Haystack;

use crate::prelude::*;

/// Collects the groups of all matches of all regular expressions, ignoring case.
///
/// Named groups are stored under their name, others as `g1`, `g2`…; a later match replaces an earlier one.
/// Groups of expressions that never match are absent.
#[derive(VqlArgs)]
pub struct Args {
    /// The string to search.
    string: Str,
    /// The regular expressions.
    regex: Vec<Str>,
}

pub struct ParseStringWithRegex;

impl Function for ParseStringWithRegex {
    type Args = Args;
    const NAME: &'static str = "parse_string_with_regex";
    const CATEGORY: Category = Category::Parsers;
    const EXAMPLES: &'static [Example] = &[
        example(
            "names and numbers",
            r"parse_string_with_regex(string='user=bob id=7', regex=['user=(?P<User>\\w+)', 'id=(\\d+)'])",
            r#"{"User":"bob","g1":"7"}"#,
        ),
        example(
            "the last match counts",
            r"parse_string_with_regex(string='a1 b2', regex='([a-z])(\\d)')",
            r#"{"g1":"b","g2":"2"}"#,
        ),
        example(
            "bytes that are not text",
            r"parse_string_with_regex(string=unhex(string='613de920623d37'), regex='a=(?P<A>.) b=(?P<B>[0-9])').B",
            r#""7""#,
        ),
        example(
            "no match",
            r"parse_string_with_regex(string='zzz', regex='(?P<N>\\d+)')",
            "{}",
        ),
        fails(
            "no regular expression",
            "parse_string_with_regex(string='a', regex='(')",
            "error parsing regexp",
        ),
    ];

    fn call(_: &Scope, args: Args) -> VqlResult {
        let dict = Dict::new();
        let haystack = Haystack::new(&args.string);
        for pattern in &args.regex {
            let regex = Regex::cached_ignoring_case(pattern)?;
            for found in regex.captures_iter(&haystack) {
                for (number, name) in regex.capture_names().enumerate().skip(1) {
                    let text = Value::str(found.get(number).unwrap_or_default());
                    match name {
                        Some(name) => dict.set(name, text),
                        None => dict.set(format!("g{number}"), text),
                    }
                }
            }
        }
        Ok(Value::Dict(dict))
    }
}
