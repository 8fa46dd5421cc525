//! One directive applied to one value.

use super::number::{float, int};
use super::{MAX_LENGTH, Spec, pad};
use crate::scope::Scope;
use crate::value::{Value, itoa};

/// Nesting beyond which lists print nothing.
const MAX_DEPTH: u32 = 32;

/// The most frequent directives, without flags, width or precision; false for all others.
pub(super) fn write_plain(out: &mut Vec<u8>, verb: u8, value: &Value) -> bool {
    match (verb, value) {
        (b'v' | b'd', Value::Int(number)) => out.extend_from_slice(itoa(*number, &mut [0; 20])),
        (b'v' | b's', Value::Str(text)) => out.extend_from_slice(text),
        _ => return false,
    }
    true
}

pub(super) fn write(scope: &Scope, out: &mut Vec<u8>, spec: &Spec, verb: char, value: &Value, depth: u32) {
    if verb == 'T' {
        return pad(out, spec, value.type_name().as_bytes());
    }
    match value {
        Value::Bool(value) if matches!(verb, 'v' | 't') => {
            pad(out, spec, if *value { b"true" } else { b"false" })
        }
        Value::Int(number) if int(out, spec, verb, i128::from(*number)) => {}
        Value::UInt(number) if int(out, spec, verb, i128::from(*number)) => {}
        Value::Float(number) if float(out, spec, verb, *number) => {}
        Value::Str(text) if string(out, spec, verb, text) => {}
        Value::Bytes(bytes) if string(out, spec, verb, bytes) => {}
        Value::Array(items) => list(scope, out, spec, verb, items, depth),
        Value::Query(query) => list(
            scope,
            out,
            spec,
            verb,
            query.to_array(scope).as_array().unwrap_or_default(),
            depth,
        ),
        Value::Lazy(lazy) if depth < MAX_DEPTH => {
            write(scope, out, spec, verb, &lazy.force(scope), depth + 1)
        }
        Value::Null if verb == 'd' => pad(out, spec, b"{}"),
        // A month: its number for numeric verbs, otherwise its name.
        Value::Object(object)
            if matches!(verb, 'd' | 'b' | 'o' | 'O' | 'c' | 'U')
                && object
                    .to_number()
                    .is_some_and(|number| int(out, spec, verb, i128::from(number))) => {}
        Value::Null | Value::Dict(_) | Value::Time(_) | Value::Scope(_) | Value::Object(_)
            if string(out, spec, verb, &value.to_text(scope)) => {}
        other => mismatch(scope, out, verb, other),
    }
}

/// `[1 two 3]`, each element under the same directive.
fn list(scope: &Scope, out: &mut Vec<u8>, spec: &Spec, verb: char, items: &[Value], depth: u32) {
    if depth >= MAX_DEPTH {
        return;
    }
    out.push(b'[');
    for (i, item) in items.iter().enumerate() {
        if out.len() > MAX_LENGTH {
            break;
        }
        if i > 0 {
            out.push(b' ');
        }
        write(scope, out, spec, verb, item, depth + 1);
    }
    out.push(b']');
}

/// `%!d(string=x)`
fn mismatch(scope: &Scope, out: &mut Vec<u8>, verb: char, value: &Value) {
    out.extend_from_slice(format!("%!{verb}({}=", value.type_name()).as_bytes());
    out.extend_from_slice(&value.to_text(scope));
    out.push(b')');
}

/// False when the verb does not apply to strings.
fn string(out: &mut Vec<u8>, spec: &Spec, verb: char, text: &[u8]) -> bool {
    match verb {
        'v' | 's' => pad(
            out,
            &Spec {
                zero: false,
                ..spec.clone()
            },
            truncated(spec, text),
        ),
        'q' => pad(
            out,
            &Spec {
                zero: false,
                ..spec.clone()
            },
            quoted(truncated(spec, text), spec).as_bytes(),
        ),
        'x' | 'X' => pad(out, spec, hex(spec, text, verb == 'X').as_bytes()),
        _ => return false,
    }
    true
}

/// The first characters, as many as the precision says.
fn truncated<'t>(spec: &Spec, text: &'t [u8]) -> &'t [u8] {
    let Some(precision) = spec.precision else {
        return text;
    };
    let (mut end, mut left) = (0, precision);
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        if let Some((at, _)) = valid.char_indices().nth(left) {
            return &text[..end + at];
        }
        left -= valid.chars().count();
        end += valid.len() + chunk.invalid().len().min(left);
        left = left.saturating_sub(chunk.invalid().len());
        if left == 0 {
            break;
        }
    }
    &text[..end]
}

fn quoted(text: &[u8], spec: &Spec) -> String {
    let plain = std::str::from_utf8(text).ok();
    if let Some(plain) = plain
        && spec.sharp
        && !plain.contains(|c: char| c == '`' || (c.is_control() && c != '\t'))
    {
        return format!("`{plain}`");
    }
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        chunk
            .valid()
            .chars()
            .for_each(|c| escape(&mut out, c, '"', spec.plus));
        chunk
            .invalid()
            .iter()
            .for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
    }
    out.push('"');
    out
}

/// A character as Go's quoted literals write it.
pub(super) fn escape(out: &mut String, c: char, quote: char, ascii: bool) {
    match c {
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", c as u32)),
        c if c.is_control() || (ascii && !c.is_ascii()) => match c as u32 {
            code if code < 0x10000 => out.push_str(&format!("\\u{code:04x}")),
            code => out.push_str(&format!("\\U{code:08x}")),
        },
        c => out.push(c),
    }
}

fn hex(spec: &Spec, text: &[u8], upper: bool) -> String {
    let prefix = match (spec.sharp, upper) {
        (false, _) => "",
        (true, false) => "0x",
        (true, true) => "0X",
    };
    let digits = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let bytes = text.iter().take(spec.precision.unwrap_or(usize::MAX));
    let mut out = String::new();
    for (at, byte) in bytes.enumerate() {
        if at > 0 && spec.space {
            out.push(' ');
        }
        if at == 0 || spec.space {
            out.push_str(prefix);
        }
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(digits[usize::from(digit)]));
        }
    }
    out
}
