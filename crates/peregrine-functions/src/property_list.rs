//! Property lists (Apple's `.plist` files) as values.

use std::io::Cursor;
use std::time::{SystemTime, UNIX_EPOCH};

use peregrine_engine::memory;
use peregrine_engine::prelude::{Dict, Str, Time, Value};
use plist::stream::{Event, Reader};

/// Maximum nesting of lists.
const MAX_DEPTH: usize = 256;
/// Maximum number of values: in the binary format, a few bytes can expand to very many.
const MAX_VALUES: usize = 4_000_000;

/// Parses a property list: binary, XML or the old text format. Keys of dicts are sorted.
///
/// Dates become times, data base64 text.
pub fn parse_property_list(content: &[u8]) -> Result<Value, String> {
    let mut open: Vec<Collection> = Vec::new();
    for (count, event) in Reader::new(Cursor::new(content)).enumerate() {
        let event = event.map_err(|error| error.to_string())?;
        if count >= MAX_VALUES || open.len() > MAX_DEPTH {
            return Err(format!(
                "more than {MAX_VALUES} values, or nested deeper than {MAX_DEPTH}"
            ));
        }
        let value = match event {
            Event::StartArray(_) => {
                open.push(Collection::Array(Vec::new()));
                continue;
            }
            Event::StartDictionary(_) => {
                open.push(Collection::Dict(Vec::new(), None));
                continue;
            }
            Event::EndCollection => open.pop().ok_or("an end without a beginning")?.into_value(),
            Event::Boolean(value) => Value::from(value),
            Event::Data(bytes) => Value::from(data_encoding::BASE64.encode(&bytes)),
            Event::Date(date) => Value::Time(time(date.into())),
            Event::Integer(number) => match (number.as_signed(), number.as_unsigned()) {
                (Some(number), _) => Value::from(number),
                (None, number) => Value::from(number),
            },
            Event::Real(number) => Value::from(number),
            Event::String(text) => Value::from(text),
            Event::Uid(uid) => Value::from(uid.get()),
            _ => return Err("a value of an unknown kind".into()),
        };
        match open.last_mut() {
            None => return Ok(root(value)),
            Some(Collection::Array(items)) if !memory::has_room_in(items) => {
                return Err("too large for the memory a query may hold".into());
            }
            Some(Collection::Array(items)) => items.push(value),
            Some(Collection::Dict(entries, key)) => match (key.take(), value) {
                (Some(key), value) => entries.push((key, value)),
                (None, Value::Str(text)) => *key = Some(text),
                (None, _) => return Err("a key of a dict is not a string".into()),
            },
        }
    }
    Err("the property list is cut off, or empty".into())
}

enum Collection {
    Array(Vec<Value>),
    /// Entries, and the key whose value comes next.
    Dict(Vec<(Str, Value)>, Option<Str>),
}

impl Collection {
    fn into_value(self) -> Value {
        match self {
            Collection::Array(items) => Value::array(items),
            Collection::Dict(mut entries, _) => {
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                Value::Dict(Dict::from_pairs(entries))
            }
        }
    }
}

/// A list of a single dict becomes the dict.
fn root(value: Value) -> Value {
    match value.as_array() {
        Some([only @ Value::Dict(_)]) => only.clone(),
        _ => value,
    }
}

fn time(date: SystemTime) -> Time {
    let nanos = match date.duration_since(UNIX_EPOCH) {
        Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
        Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
    };
    Time::from_unix_nanos(nanos)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::parse_property_list as parse;

    /// A binary list of lists, each of which contains the next one twice.
    fn bomb(levels: u8) -> Vec<u8> {
        let mut bytes = b"bplist00".to_vec();
        let mut offsets = Vec::new();
        for level in 0..levels {
            offsets.push(bytes.len() as u8);
            bytes.extend([0xa2, level + 1, level + 1]);
        }
        offsets.push(bytes.len() as u8);
        bytes.push(0x09);
        let table = bytes.len() as u64;
        bytes.extend(&offsets);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        bytes.extend((u64::from(levels) + 1).to_be_bytes());
        bytes.extend(0u64.to_be_bytes());
        bytes.extend(table.to_be_bytes());
        bytes
    }

    #[test]
    fn bombs_and_depths_are_refused() {
        assert!(parse(&bomb(3)).is_ok());
        assert!(parse(&bomb(60)).is_err());
        let deep = format!("<plist>{}", "<array>".repeat(100_000));
        assert!(parse(deep.as_bytes()).is_err());
        assert!(parse("(".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn damage_does_no_harm() {
        let whole = bomb(8);
        for at in 0..whole.len() {
            let _ = parse(&whole[..at]);
            for byte in [0, 0x0f, 0x33, 0x7f, 0xa0, 0xd1, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = parse(&damaged);
            }
        }
    }
}
