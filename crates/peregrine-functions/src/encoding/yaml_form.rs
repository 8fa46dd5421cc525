//! Values as YAML, block style.

use crate::prelude::*;

/// Deeper values are written as JSON, which is also YAML.
const MAX_DEPTH: usize = 100;
/// Length after which the query is asked whether it still wants the text.
const LONG: usize = 64 << 10;

/// A value as a YAML document.
pub(super) fn write(scope: &Scope, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    node(scope, value.clone(), &mut out, 0, Place::Document);
    out
}

/// The text before a node on its line.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Document,
    Key,
    Dash,
}

fn node(scope: &Scope, value: Value, out: &mut Vec<u8>, depth: usize, place: Place) {
    let value = match value.reduce(scope) {
        Value::Query(query) => query.to_array(scope),
        Value::Object(object) => match object.to_json(scope) {
            Some(plain) => plain,
            None => Value::Dict(Value::Object(object).to_dict(scope)),
        },
        other => other,
    };
    match &value {
        Value::Dict(dict) if !dict.is_empty() && depth < MAX_DEPTH => {
            // After a dash, the first key goes on the same line.
            let mut inline = place == Place::Dash;
            if place == Place::Key {
                out.push(b'\n');
            }
            for (key, item) in dict.entries() {
                if out.len() > LONG && scope.is_over() {
                    break;
                }
                if !std::mem::take(&mut inline) {
                    indent(out, depth);
                }
                scalar_text(&key.as_utf8_lossy(), out, depth);
                out.push(b':');
                // A list in a dict is not indented further.
                let below = if matches!(item, Value::Array(_)) {
                    depth
                } else {
                    depth + 1
                };
                if !starts_block(&item) {
                    out.push(b' ');
                }
                node(scope, item, out, below, Place::Key);
            }
        }
        Value::Array(items) if !items.is_empty() && depth < MAX_DEPTH => {
            let mut inline = place == Place::Dash;
            if place == Place::Key {
                out.push(b'\n');
            }
            for item in items.iter() {
                if out.len() > LONG && scope.is_over() {
                    break;
                }
                if !std::mem::take(&mut inline) {
                    indent(out, depth);
                }
                out.extend(b"- ");
                node(scope, item.clone(), out, depth + 1, Place::Dash);
            }
        }
        Value::Str(text) => {
            scalar_text(&text.as_utf8_lossy(), out, depth);
            out.push(b'\n');
        }
        other => {
            out.extend(json_text(scope, other).strip_prefix(b"\"").map_or_else(
                || json_text(scope, other),
                // Times are not quoted.
                |text| text.strip_suffix(b"\"").unwrap_or(text).to_vec(),
            ));
            out.push(b'\n');
        }
    }
}

fn starts_block(value: &Value) -> bool {
    match value {
        Value::Dict(dict) => !dict.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Query(_) => true,
        _ => false,
    }
}

fn indent(out: &mut Vec<u8>, depth: usize) {
    out.extend(std::iter::repeat_n(b' ', depth * 2));
}

/// Plain if that reads back as the same string, else a literal block for several lines, else quoted.
fn scalar_text(text: &str, out: &mut Vec<u8>, _depth: usize) {
    if is_plain(text) {
        out.extend(text.as_bytes());
        return;
    }
    out.push(b'"');
    for c in text.chars() {
        match c {
            '"' => out.extend(b"\\\""),
            '\\' => out.extend(b"\\\\"),
            '\n' => out.extend(b"\\n"),
            '\r' => out.extend(b"\\r"),
            '\t' => out.extend(b"\\t"),
            c if c.is_control() => out.extend(format!("\\u{:04x}", u32::from(c)).as_bytes()),
            c => out.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"];
    let Some(first) = text.chars().next() else {
        return false;
    };
    let starts_plain = first.is_alphabetic()
        || matches!(first, '/' | '_' | '(' | '$' | '.' | '\\' | '^' | '+' | '=')
        || (first.is_ascii_digit() && !looks_like_number(text));
    starts_plain
        && !looks_like_number(text)
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        && !text.chars().any(char::is_control)
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with([':', ' '])
        && text != "="
}

/// True for text that YAML could read as a number, date or time.
fn looks_like_number(text: &str) -> bool {
    let mut rest = text.bytes();
    let sign_or_digit = rest
        .next()
        .is_some_and(|c| c.is_ascii_digit() || matches!(c, b'+' | b'-' | b'.'));
    sign_or_digit
        && rest.all(|c| {
            c.is_ascii_hexdigit()
                || matches!(
                    c,
                    b'_' | b'.' | b':' | b'-' | b'+' | b'x' | b'o' | b'T' | b'Z' | b'i' | b'n' | b'I' | b'N'
                )
        })
}
