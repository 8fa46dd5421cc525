//! The formats of `serialize()` and `encode()`.

use super::yaml_form;
use crate::csv;
use crate::prelude::*;

/// Writes a value in the format of this name.
pub(super) fn write(scope: &Scope, value: Value, format: &str) -> VqlResult {
    let value = match value.reduce(scope) {
        Value::Query(query) => query.to_array(scope),
        other => other,
    };
    Ok(match format {
        "" | "json" => Value::str(pretty_json(&json_text(scope, &value))),
        "string" => match &value {
            Value::Time(time) => Value::from(peregrine_engine::time::rfc3339(*time).unwrap_or_default()),
            other => Value::Str(other.to_text(scope)),
        },
        "yaml" => Value::str(yaml_form::write(scope, &value)),
        "hex" => Value::from(data_encoding::HEXLOWER.encode(bytes(&value)?)),
        "base64" => Value::from(data_encoding::BASE64_NOPAD.encode(bytes(&value)?)),
        "csv" => csv::table(scope, &value).map_or(Value::Null, Value::str),
        other => {
            return Err(
                format!("unknown format `{other}`; use json, yaml, csv, string, hex or base64").into(),
            );
        }
    })
}

fn bytes(value: &Value) -> Result<&[u8], String> {
    match value {
        Value::Str(text) => Ok(text),
        Value::Bytes(bytes) => Ok(bytes),
        other => Err(format!("this format takes a string, not {}", other.type_name())),
    }
}

/// Compact JSON spread over lines, one blank per level.
pub(crate) fn pretty_json(compact: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(compact.len() * 2);
    let mut level = 0usize;
    let mut in_string = false;
    let mut escaped = false;
    let newline = |out: &mut Vec<u8>, level: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', level));
    };
    for (at, byte) in compact.iter().copied().enumerate() {
        if in_string {
            out.push(byte);
            (in_string, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
            continue;
        }
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                if !matches!(compact.get(at + 1), Some(b'}' | b']')) {
                    level += 1;
                    newline(&mut out, level);
                }
            }
            b'}' | b']' => {
                if !matches!(
                    at.checked_sub(1).and_then(|before| compact.get(before)),
                    Some(b'{' | b'[')
                ) {
                    level = level.saturating_sub(1);
                    newline(&mut out, level);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                newline(&mut out, level);
            }
            b':' => out.extend(b": "),
            byte => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out
}
