//! CSV records, read as leniently as programs write them.

use std::io::{self, BufRead};

use peregrine_engine::prelude::*;
use peregrine_functions::parse_json;

use super::lines::next_line;

/// Maximum number of bytes in a record.
const MAX_RECORD: usize = 16 << 20;

/// How fields are separated.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) separator: u8,
    pub(super) comment: Option<u8>,
}

/// The fields of the next record; `None` at the end. Blank lines and comments are skipped.
///
/// A quote inside a field is an ordinary character; blanks before a field are dropped.
pub(super) fn next_record(reader: &mut dyn BufRead, format: Format) -> io::Result<Option<Vec<Vec<u8>>>> {
    let line = loop {
        let Some(line) = next_line(reader, MAX_RECORD)? else {
            return Ok(None);
        };
        if !line.is_empty() && (format.comment.is_none() || line.first().copied() != format.comment) {
            break line;
        }
    };
    let mut fields = Vec::new();
    let mut line = line;
    let mut at = 0;
    let mut size = line.len();
    loop {
        while line
            .get(at)
            .is_some_and(|c| matches!(c, b' ' | b'\t') && *c != format.separator)
        {
            at += 1;
        }
        let mut field = Vec::new();
        if line.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match line.get(at).copied() {
                    Some(b'"') if line.get(at + 1) == Some(&b'"') => {
                        field.push(b'"');
                        at += 2;
                    }
                    Some(b'"')
                        if line.get(at + 1).is_none() || line.get(at + 1) == Some(&format.separator) =>
                    {
                        at += 1;
                        break;
                    }
                    Some(c) => {
                        field.push(c);
                        at += 1;
                    }
                    // The field continues on the next line.
                    None => {
                        let Some(next) = next_line(reader, MAX_RECORD)? else {
                            break;
                        };
                        size += next.len();
                        if size > MAX_RECORD {
                            return Err(io::Error::other(format!(
                                "a record has more than {MAX_RECORD} bytes"
                            )));
                        }
                        field.push(b'\n');
                        (line, at) = (next, 0);
                    }
                }
            }
        } else {
            while let Some(c) = line.get(at).filter(|c| **c != format.separator) {
                field.push(*c);
                at += 1;
            }
        }
        fields.push(field);
        if line.get(at) != Some(&format.separator) {
            return Ok(Some(fields));
        }
        at += 1;
    }
}

/// Gives a record as many fields as there are columns: missing ones become empty, and extra ones are dropped.
/// Without a header, columns are added instead, as `Col2`; true if some were.
pub(super) fn fit(names: &mut Vec<Str>, record: &mut Vec<Vec<u8>>, has_header: bool) -> bool {
    let is_longer = record.len() > names.len();
    if is_longer && !has_header {
        names.extend((names.len()..record.len()).map(|i| Str::from(format!("Col{i}"))));
    }
    record.resize(names.len(), Vec::new());
    is_longer && !has_header
}

/// The typed value of a cell.
pub(super) fn cell(text: Vec<u8>) -> Value {
    match text.as_slice() {
        b"true" => return Value::from(true),
        b"false" => return Value::from(false),
        [b' ', rest @ ..] => return Value::str(rest),
        [b'{' | b'[', ..] => {
            if let Ok(value) = parse_json(&text) {
                return value;
            }
        }
        [b'b', ..] => {
            if let Some(code) = text.strip_prefix(b"base64:")
                && let Ok(bytes) = data_encoding::BASE64.decode(code)
            {
                return Value::bytes(&bytes);
            }
        }
        // Words such as `nan` and `inf` stay words.
        [b'0'..=b'9' | b'-' | b'+' | b'.', ..] => {
            let text = std::str::from_utf8(&text).unwrap_or_default();
            if let Ok(number) = text.parse::<i64>() {
                return Value::from(number);
            }
            if let Ok(number) = text.parse::<f64>()
                && number.is_finite()
            {
                return Value::from(number);
            }
        }
        _ => {}
    }
    Value::str(text)
}
