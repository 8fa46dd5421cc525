//! Functions over regular expressions.

use gotmpl::{Result, Value};
use peregrine_engine::regex::{Haystack, Regex};
use peregrine_engine::value::{Str, as_characters, from_characters};

use super::args::{check_length, exactly, int, new_list, text};
use super::bridge::{Bridge, MAX_ITEMS, fail, string};

pub(super) const ALL: super::Table = &[
    ("regexMatch", is_match),
    ("mustRegexMatch", is_match),
    ("regexFind", find),
    ("mustRegexFind", find),
    ("regexFindAll", find_all),
    ("mustRegexFindAll", find_all),
    ("regexReplaceAll", |_, args| replace(args, false)),
    ("mustRegexReplaceAll", |_, args| replace(args, false)),
    ("regexReplaceAllLiteral", |_, args| replace(args, true)),
    ("mustRegexReplaceAllLiteral", |_, args| replace(args, true)),
    ("regexSplit", split),
    ("mustRegexSplit", split),
    ("regexQuoteMeta", |_, args| {
        let [value] = exactly(args)?;
        let mut quoted = String::new();
        for c in text(value).chars() {
            if r"\.+*?()|[]{}^$".contains(c) {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        Ok(string(quoted))
    }),
];

fn compile(pattern: &Value) -> Result<Regex> {
    Regex::cached(bytes(pattern)).map_err(fail)
}

/// The bytes that the text of a template represents.
fn bytes(value: &Value) -> Str {
    from_characters(&text(value))
}

fn shown(bytes: &[u8]) -> Value {
    string(as_characters(bytes))
}

/// A count; below 0 means all.
fn limit(value: &Value) -> usize {
    usize::try_from(int(value)).unwrap_or(MAX_ITEMS).min(MAX_ITEMS)
}

fn is_match(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [pattern, value] = exactly(args)?;
    let regex = compile(pattern)?;
    Ok(Value::Bool(regex.is_match(&bytes(value))))
}

fn find(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [pattern, value] = exactly(args)?;
    let (regex, text) = (compile(pattern)?, bytes(value));
    let found = regex.find(&Haystack::new(&text));
    Ok(shown(found.and_then(|found| text.get(found)).unwrap_or_default()))
}

fn find_all(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [pattern, value, count] = exactly(args)?;
    let (regex, text) = (compile(pattern)?, bytes(value));
    let haystack = Haystack::new(&text);
    let found = regex.find_iter(&haystack).take(limit(count));
    new_list(
        found
            .map(|found| shown(text.get(found).unwrap_or_default()))
            .collect(),
    )
}

fn replace(args: &[Value], is_literal: bool) -> Result<Value> {
    let [pattern, value, replacement] = exactly(args)?;
    let (regex, text, replacement) = (compile(pattern)?, bytes(value), bytes(replacement));
    let (mut out, mut done) = (Vec::new(), 0);
    for found in regex.captures_iter(&Haystack::new(&text)) {
        let Some(whole) = found.range(0) else { continue };
        out.extend_from_slice(text.get(done..whole.start).unwrap_or_default());
        if is_literal {
            out.extend_from_slice(&replacement);
        } else {
            // A replacement can add no more than the lengths of the texts allow.
            let groups = replacement.iter().filter(|byte| **byte == b'$').count();
            check_length(
                replacement
                    .len()
                    .saturating_add(groups.saturating_mul(whole.len())),
            )?;
            found.expand(&replacement, &mut out);
        }
        check_length(out.len())?;
        done = whole.end;
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    Ok(shown(&out))
}

fn split(_: &Bridge, args: &[Value]) -> Result<Value> {
    let [pattern, value, count] = exactly(args)?;
    let (regex, text) = (compile(pattern)?, bytes(value));
    let pieces = regex.splitn(&Haystack::new(&text), limit(count));
    new_list(pieces.into_iter().map(shown).collect())
}
