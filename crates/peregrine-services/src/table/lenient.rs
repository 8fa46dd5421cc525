//! Repairs rows that are almost JSON: nesting deeper than parsers allow, lone surrogates, numbers beyond floating point,
//! invalid UTF-8. Evidence must not vanish because somebody chose such values.

use std::fmt::Write;

/// Depth of nesting that is kept; anything deeper becomes text. Below the parser's limit (128), with room for the structures
/// that rows are embedded in.
const MAX_DEPTH: usize = 100;

/// Rewrites a line into JSON that every parser accepts, provided its structure is that of JSON.
pub(super) fn repair(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(line.len() + 16);
    let mut depth = 0usize;
    let mut rest = &*line;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => text(rest, &mut out),
            '{' | '[' if depth >= MAX_DEPTH => {
                let length = container(rest);
                quote(rest.get(..length).unwrap_or(rest), &mut out);
                length
            }
            '-' | '0'..='9' => number(rest, &mut out),
            other => {
                match other {
                    '{' | '[' => depth += 1,
                    '}' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                out.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    out
}

/// Copies a string with its quotes; a lone surrogate becomes the replacement character. Returns the length read.
fn text(rest: &str, out: &mut String) -> usize {
    let length = text_length(rest);
    let mut inner = rest.get(..length).unwrap_or(rest);
    while let Some(at) = inner.find('\\') {
        out.push_str(inner.get(..at).unwrap_or_default());
        inner = inner.get(at..).unwrap_or_default();
        let taken = match (unit(inner), inner.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => {
                out.push_str(inner.get(..12).unwrap_or_default());
                12
            }
            (Some(0xD800..=0xDFFF), _) => {
                out.push('\u{fffd}');
                6
            }
            _ => {
                let pair: usize = inner.chars().take(2).map(char::len_utf8).sum();
                out.push_str(inner.get(..pair).unwrap_or(inner));
                pair
            }
        };
        inner = inner.get(taken..).unwrap_or_default();
    }
    out.push_str(inner);
    length
}

/// The code unit of `\uXXXX`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

/// Length of a string with both quotes.
fn text_length(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Length of an array or object. A loop, so that any depth is safe.
fn container(rest: &str) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while let Some(byte) = rest.as_bytes().get(at) {
        match byte {
            b'"' => {
                at += text_length(rest.get(at..).unwrap_or_default());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// Copies a number, as a string if parsers would refuse it. Returns the length read.
fn number(rest: &str, out: &mut String) -> usize {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let number = rest.get(..length).unwrap_or(rest);
    // With `arbitrary_precision`, serde_json accepts numbers of any size; browsers do not.
    let is_finite = number.parse().is_ok_and(f64::is_finite);
    match serde_json::from_str::<serde_json::Number>(number) {
        Ok(_) if is_finite => out.push_str(number),
        _ => quote(number, out),
    }
    length
}

fn quote(text: &str, out: &mut String) {
    // Writing to a `String` cannot fail.
    let _ = write!(out, "{}", serde_json::Value::from(text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(line: &str) -> Value {
        serde_json::from_str(&repair(line.as_bytes())).unwrap()
    }

    #[test]
    fn halves_of_pairs_become_visible() {
        assert_eq!(
            read(r#"{"a\udc00":"x\ud800y","pair":"\ud83d\ude00","b":"\\ud800","c":"\ud800\ud800\udc00"}"#),
            json!({"a\u{fffd}": "x\u{fffd}y", "pair": "\u{1f600}", "b": "\\ud800", "c": "\u{fffd}\u{10000}"})
        );
    }

    #[test]
    fn what_is_too_deep_is_shown_as_text() {
        let deep = format!(
            "{{\"a\":{}\"]\\\"\"{},\"b\":1}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let row = read(&deep);
        assert_eq!(row["b"], 1);
        let text = row.to_string();
        assert!(text.contains("[[[") && text.len() > 200_000, "nothing is lost");
        let fine = format!("{}1{}", "[".repeat(50), "]".repeat(50));
        assert_eq!(repair(fine.as_bytes()), fine);
    }

    #[test]
    fn numbers_no_parser_takes_are_shown_as_text() {
        assert_eq!(
            read(r#"{"a":1e999,"b":-01,"c":12,"d":-1500.5}"#),
            json!({"a": "1e999", "b": "-01", "c": 12, "d": -1500.5})
        );
    }

    #[test]
    fn damaged_lines_end() {
        for line in [
            "",
            "\"",
            "\"\\",
            "{\"a",
            "[[[[",
            "{\"a\":\"\\u12",
            "\u{1f600}\"\u{1f600}\\",
            "-",
        ] {
            repair(line.as_bytes());
        }
        assert_eq!(repair(b"{\"a\":\"\xff\"}"), "{\"a\":\"\u{fffd}\"}");
    }
}
