//! `split()`: a string to its parts.

use crate::memory;
use crate::prelude::*;
use crate::regex::Haystack;

/// Splits a string at a separator.
#[derive(VqlArgs)]
pub struct Args {
    /// The string.
    string: Str,
    /// A regular expression; its letter case matters.
    sep: Option<Str>,
    /// The separator as it is.
    sep_string: Option<Str>,
}

pub struct Split;

impl Function for Split {
    type Args = Args;
    const NAME: &'static str = "split";
    const CATEGORY: Category = Category::Strings;
    const IS_PURE: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example(
            "at a regex",
            "split(string='a1b22c', sep='[0-9]+')",
            r#"["a","b","c"]"#,
        ),
        example(
            "at a string",
            "split(string='a.b', sep_string='.')",
            r#"["a","b"]"#,
        ),
        example(
            "bytes that are not text",
            "split(string='\\xff,\\xe9,A', sep='.,')",
            r#"["","","A"]"#,
        ),
        example(
            "an empty string has one part",
            "split(string='', sep=',')",
            r#"[""]"#,
        ),
        fails(
            "no separator",
            "split(string='a')",
            "split: requires either sep or sep_string",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let text = &args.string;
        let given = |sep: &Str| !sep.is_empty();
        if let Some(sep) = args.sep_string.filter(given) {
            return whole(scope, split_string(text, &sep));
        }
        let Some(sep) = args.sep.filter(given) else {
            return Err("requires either sep or sep_string".into());
        };
        let regex = Regex::cached(&sep)?;
        whole(scope, split_regex(text, &regex))
    }
}

/// The parts, unless the query has no memory left to hold them.
fn whole(scope: &Scope, parts: Value) -> VqlResult {
    scope.check_memory()?;
    Ok(parts)
}

fn split_string(text: &[u8], sep: &[u8]) -> Value {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(text, sep) {
        if !memory::has_room_in(&parts) {
            break;
        }
        parts.push(Value::Str(Str::new(&text[start..at])));
        start = at + sep.len();
    }
    parts.push(Value::Str(Str::new(&text[start..])));
    Value::array(parts)
}

/// Splits as Go does: an empty match at the start or the end makes no part.
fn split_regex(text: &[u8], regex: &Regex) -> Value {
    let mut parts = Vec::new();
    let mut start = 0;
    for found in regex.find_iter(&Haystack::new(text)) {
        if found.is_empty() && (found.start == 0 || found.start == text.len()) {
            continue;
        }
        if !memory::has_room_in(&parts) {
            break;
        }
        parts.push(Value::Str(Str::new(&text[start..found.start])));
        start = found.end;
    }
    parts.push(Value::Str(Str::new(&text[start..])));
    Value::array(parts)
}
