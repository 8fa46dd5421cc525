//! Rows as CSV that `parse_csv()` reads back with their types.

use std::collections::HashSet;

use peregrine_engine::prelude::{Scope, Str, Value};

use crate::encoding::pretty_json;
use crate::support::json_text;

/// A record of column names.
pub fn header(out: &mut Vec<u8>, columns: &[Str]) {
    record(out, columns.iter().map(|name| name.to_vec()));
}

/// A record of these columns of a row.
pub fn row(scope: &Scope, out: &mut Vec<u8>, columns: &[Str], value: impl Fn(&Str) -> Option<Value>) {
    record(
        out,
        columns
            .iter()
            .map(|name| cell(scope, value(name).unwrap_or(Value::Null))),
    );
}

/// A list of rows as CSV. The header consists of the first row's members, followed by those that only later
/// rows have. `None` if the value is not a list.
pub(crate) fn table(scope: &Scope, value: &Value) -> Option<Vec<u8>> {
    let rows = value.as_array()?;
    let mut out = Vec::new();
    if rows.is_empty() {
        return Some(out);
    }
    let mut columns: Vec<Str> = Vec::new();
    let mut known: HashSet<Str> = HashSet::new();
    for item in rows {
        let names = item.member_names(scope).into_iter();
        columns.extend(names.filter(|name| known.insert(name.clone())));
    }
    header(&mut out, &columns);
    for item in rows {
        row(scope, &mut out, &columns, |name| item.member(scope, name));
    }
    Some(out)
}

fn record(out: &mut Vec<u8>, cells: impl Iterator<Item = Vec<u8>>) {
    for (i, cell) in cells.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        quote(out, &cell);
    }
    out.push(b'\n');
}

fn quote(out: &mut Vec<u8>, cell: &[u8]) {
    let plain = !cell.iter().any(|c| matches!(c, b',' | b'"' | b'\n' | b'\r')) && cell.first() != Some(&b' ');
    if plain {
        return out.extend(cell);
    }
    out.push(b'"');
    for byte in cell {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// The text of a cell; a string that would be read as another type gets a leading blank.
fn cell(scope: &Scope, value: Value) -> Vec<u8> {
    match value.reduce(scope) {
        Value::Null => Vec::new(),
        Value::Bytes(bytes) => format!("base64:{}", data_encoding::BASE64.encode(&bytes)).into_bytes(),
        Value::Float(number) => number.to_string().into_bytes(),
        Value::Time(time) => peregrine_engine::time::rfc3339(time)
            .unwrap_or_default()
            .into_bytes(),
        Value::Str(text) => {
            let blank: &[u8] = if is_ambiguous(&text) { b" " } else { b"" };
            [blank, &text[..]].concat()
        }
        value @ (Value::Array(_) | Value::Dict(_) | Value::Query(_)) => {
            pretty_json(&json_text(scope, &value))
        }
        other => other.to_text(scope).to_vec(),
    }
}

fn is_ambiguous(text: &Str) -> bool {
    let lower = text.to_ascii_lowercase();
    matches!(text.first(), Some(b' ' | b'{' | b'['))
        || [&b"true"[..], b"false", b"inf", b"base64:"]
            .iter()
            .any(|start| lower.starts_with(start))
        || text
            .as_utf8()
            .is_some_and(|text| !text.is_empty() && text.parse::<f64>().is_ok())
}
