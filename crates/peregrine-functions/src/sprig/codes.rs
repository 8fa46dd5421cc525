//! Encodings, digests and JSON.

use data_encoding::{BASE32, BASE64, HEXLOWER};
use gotmpl::{Result, Value};
use peregrine_engine::value::as_characters;
use sha2::Digest;

use super::args::{arg, bytes_at, text_at};
use super::bridge::{Bridge, fail, string};

pub(super) const ALL: super::Table = &[
    ("b64enc", |_, args| Ok(string(BASE64.encode(&bytes_at(args, 0)?)))),
    ("b64dec", |_, args| {
        Ok(decoded(BASE64.decode(&bytes_at(args, 0)?)))
    }),
    ("b32enc", |_, args| Ok(string(BASE32.encode(&bytes_at(args, 0)?)))),
    ("b32dec", |_, args| {
        Ok(decoded(BASE32.decode(&bytes_at(args, 0)?)))
    }),
    ("sha1sum", |_, args| {
        Ok(string(HEXLOWER.encode(&sha1::Sha1::digest(&*bytes_at(args, 0)?))))
    }),
    ("sha256sum", |_, args| {
        Ok(string(
            HEXLOWER.encode(&sha2::Sha256::digest(&*bytes_at(args, 0)?)),
        ))
    }),
    ("sha512sum", |_, args| {
        Ok(string(
            HEXLOWER.encode(&sha2::Sha512::digest(&*bytes_at(args, 0)?)),
        ))
    }),
    ("adler32sum", |_, args| {
        Ok(string(adler32(&bytes_at(args, 0)?).to_string()))
    }),
    ("js", |_, args| Ok(string(gotmpl::js_escape(&text_at(args, 0)?)))),
    ("fromJson", |bridge, args| {
        Ok(parse(bridge, args).unwrap_or(Value::Nil))
    }),
    ("mustFromJson", parse),
    ("toJson", json),
    ("mustToJson", json),
    ("toRawJson", |bridge, args| raw_json(bridge, args).map(string)),
    ("mustToRawJson", |bridge, args| raw_json(bridge, args).map(string)),
    ("toPrettyJson", pretty),
    ("mustToPrettyJson", pretty),
];

fn decoded(result: std::result::Result<Vec<u8>, data_encoding::DecodeError>) -> Value {
    match result {
        Ok(bytes) => string(as_characters(&bytes)),
        Err(error) => string(error.to_string()),
    }
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1u32, 0u32);
    for byte in bytes {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    b << 16 | a
}

fn parse(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    let text = bytes_at(args, 0)?;
    let value = peregrine_engine::json::parse(&text).map_err(|error| fail(error.to_string()))?;
    bridge.show(&value)
}

fn compact(bridge: &Bridge, args: &[Value]) -> Result<Vec<u8>> {
    let value = bridge.value(arg(args, 0)?);
    Ok(crate::support::json_text(bridge.scope(), &value))
}

fn json(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    Ok(string(as_characters(&compact(bridge, args)?)))
}

/// Leaves `<`, `>` and `&` unescaped.
fn raw_json(bridge: &Bridge, args: &[Value]) -> Result<String> {
    let text = compact(bridge, args)?;
    let mut out = as_characters(&text).into_owned();
    for (escaped, plain) in [("\\u003c", "<"), ("\\u003e", ">"), ("\\u0026", "&")] {
        out = out.replace(escaped, plain);
    }
    Ok(out)
}

/// JSON with one member per line, indented by two blanks.
fn pretty(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    let text = compact(bridge, args)?;
    let text = as_characters(&text);
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0usize;
    let mut in_string = false;
    let mut is_escaped = false;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        if in_string {
            out.push(c);
            in_string = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        match c {
            '"' => in_string = true,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
            }
            _ => {}
        }
        out.push(c);
        match c {
            '{' | '[' => match letters.peek() {
                Some('}' | ']') => out.extend(letters.next()),
                _ => {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            },
            ',' => new_line(&mut out, depth),
            ':' => out.push(' '),
            _ => {}
        }
    }
    Ok(string(out))
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("  ");
    }
}
