//! Plain values as bytes and back, without loss: strings that are not UTF-8 are preserved.
//!
//! A tag, then the value in little endian. Lists and dicts start with their number of elements.

use peregrine_base::Reader;
use peregrine_engine::prelude::*;

use crate::message::MAX_FRAME;

/// Maximum number of values in one message.
pub(crate) const MAX_VALUES: usize = 1_000_000;
/// Maximum nesting of a message: that of a value ([`crate::plain::MAX_DEPTH`]) plus that of the message
/// around it.
const MAX_DEPTH: u32 = 80;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const UINT: u8 = 4;
const FLOAT: u8 = 5;
const STR: u8 = 6;
const BYTES: u8 = 7;
const ARRAY: u8 = 8;
const DICT: u8 = 9;

/// Appends a value; values that are not plain become NULL. Fails before the message gets too large.
pub(crate) fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    put(value, 0, out)
}

fn put(value: &Value, depth: u32, out: &mut Vec<u8>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return tagged(NULL, &[], out);
    }
    match value {
        Value::Bool(value) => tagged(if *value { TRUE } else { FALSE }, &[], out),
        Value::Int(value) => tagged(INT, &value.to_le_bytes(), out),
        Value::UInt(value) => tagged(UINT, &value.to_le_bytes(), out),
        Value::Float(value) => tagged(FLOAT, &value.to_le_bytes(), out),
        Value::Str(text) => {
            tagged(STR, &[], out)?;
            sized(text.as_bytes(), out)
        }
        Value::Bytes(bytes) => {
            tagged(BYTES, &[], out)?;
            sized(bytes, out)
        }
        Value::Array(items) => {
            tagged(ARRAY, &length(items.len())?, out)?;
            items.iter().try_for_each(|item| put(item, depth + 1, out))
        }
        Value::Dict(dict) => {
            let entries = dict.entries();
            tagged(DICT, &length(entries.len())?, out)?;
            entries.iter().try_for_each(|(key, item)| {
                sized(key.as_bytes(), out)?;
                put(item, depth + 1, out)
            })
        }
        _ => tagged(NULL, &[], out),
    }
}

fn tagged(tag: u8, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    append(&[tag], out)?;
    append(bytes, out)
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    append(&length(bytes.len())?, out)?;
    append(bytes, out)
}

fn append(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if out.len() + bytes.len() > MAX_FRAME {
        return Err(too_large());
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn length(length: usize) -> Result<[u8; 4], String> {
    u32::try_from(length)
        .map(u32::to_le_bytes)
        .map_err(|_| too_large())
}

fn too_large() -> String {
    format!(
        "values of more than {} MiB cannot be passed to or from a script",
        MAX_FRAME >> 20
    )
}

/// Reads one value that must be the whole input. The bytes may come from a process that went wrong, so they
/// are not trusted.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut message = Message {
        bytes: Reader::new(bytes),
        left: MAX_VALUES + 1000,
    };
    let value = message.value(0)?;
    if message.bytes.is_empty() {
        Ok(value)
    } else {
        Err(format!("{} bytes follow the value", message.bytes.len()))
    }
}

const ENDS_EARLY: &str = "it ends early";

struct Message<'a> {
    bytes: Reader<'a>,
    /// Number of values it may still have.
    left: usize,
}

impl<'a> Message<'a> {
    fn value(&mut self, depth: u32) -> Result<Value, String> {
        self.left = self.left.checked_sub(1).ok_or("too many values")?;
        if depth > MAX_DEPTH {
            return Err("values nest too deeply".to_owned());
        }
        Ok(match self.bytes.u8().ok_or(ENDS_EARLY)? {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            INT => Value::Int(self.bytes.i64_le().ok_or(ENDS_EARLY)?),
            UINT => Value::from(self.bytes.u64_le().ok_or(ENDS_EARLY)?),
            FLOAT => Value::Float(self.bytes.f64_le().ok_or(ENDS_EARLY)?),
            STR => Value::Str(Str::new(self.sized()?)),
            BYTES => Value::bytes(self.sized()?),
            ARRAY => {
                // Grows with the data present, not with the number claimed.
                let mut items = Vec::new();
                for _ in 0..self.length()? {
                    items.push(self.value(depth + 1)?);
                }
                Value::array(items)
            }
            DICT => {
                let dict = Dict::new();
                for _ in 0..self.length()? {
                    let key = Str::new(self.sized()?);
                    dict.set(key, self.value(depth + 1)?);
                }
                Value::Dict(dict)
            }
            tag => return Err(format!("`{tag}` is not a kind of value")),
        })
    }

    fn length(&mut self) -> Result<usize, String> {
        Ok(self.bytes.u32_le().ok_or(ENDS_EARLY)? as usize)
    }

    fn sized(&mut self) -> Result<&'a [u8], String> {
        let length = self.length()?;
        Ok(self.bytes.take(length).ok_or(ENDS_EARLY)?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let value = Value::Dict(Dict::from_pairs([
            ("text", Value::Str(Str::new(b"a\xff\0"))),
            ("bytes", Value::bytes(b"\xfe")),
            (
                "numbers",
                Value::array(vec![Value::Int(-1), Value::UInt(u64::MAX), Value::Float(0.5)]),
            ),
            (
                "rest",
                Value::array(vec![Value::Null, Value::Bool(true), Value::Bool(false)]),
            ),
        ]));
        let mut bytes = Vec::new();
        write(&value, &mut bytes).unwrap();
        let back = read(&bytes).unwrap();
        assert_eq!(format!("{back:?}"), format!("{value:?}"));
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err());
        }
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let claimed = |tag: u8| [&[tag][..], &[0xff; 4]].concat();
        let mut nested = Vec::new();
        for _ in 0..1000 {
            nested.extend([ARRAY, 1, 0, 0, 0]);
        }
        let many = [&[ARRAY][..], &2_000_000u32.to_le_bytes(), &vec![NULL; 2_000_000]].concat();
        for bytes in [
            vec![],
            vec![77],
            vec![NULL, NULL],
            claimed(STR),
            claimed(ARRAY),
            claimed(DICT),
            nested,
            many,
        ] {
            assert!(read(&bytes).is_err());
        }
    }

    #[test]
    fn what_is_too_large_is_not_written() {
        let text = Value::from("a".repeat(1 << 20));
        let mut bytes = Vec::new();
        assert!(write(&Value::array(vec![text; 100]), &mut bytes).is_err());
        assert!(bytes.len() <= MAX_FRAME);
    }
}
