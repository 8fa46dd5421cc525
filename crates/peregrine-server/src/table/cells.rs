//! Cells of a stored row: a line of JSON.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// A whole row, in column order.
pub(crate) type Row = serde_json::Map<String, Value>;

/// Reads a whole row. One that cannot be taken apart (it is nested too deep, or has half a surrogate) is shown as text.
pub(crate) fn row(line: &[u8]) -> Row {
    serde_json::from_slice(line).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(line).into_owned();
        Row::from_iter([(RAW.to_owned(), Value::String(text))])
    })
}

/// Column of a row that cannot be taken apart.
const RAW: &str = "_Raw";

/// Reads one cell without building the others.
pub(crate) fn cell(line: &[u8], column: &str) -> Value {
    let mut reader = serde_json::Deserializer::from_slice(line);
    OneCell(column).deserialize(&mut reader).unwrap_or(Value::Null)
}

struct OneCell<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for OneCell<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OneCell<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut found = Value::Null;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.0 {
                found = map.next_value()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// A cell as the text people search in.
pub(crate) fn text(cell: &Value) -> Cow<'_, str> {
    match cell {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// What rows are sorted by. Nothing comes last, whichever way one sorts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortKey {
    Bool(bool),
    Number(f64),
    Text(Box<str>),
    Nothing,
}

/// Bytes of a text that are compared; keeps a million keys small.
const KEY_BYTES: usize = 256;

impl SortKey {
    pub(crate) fn of(cell: &Value) -> SortKey {
        match cell {
            Value::Null => SortKey::Nothing,
            Value::Bool(value) => SortKey::Bool(*value),
            Value::Number(number) => number.as_f64().map_or(SortKey::Nothing, SortKey::Number),
            other => {
                let text = text(other);
                let end = (0..=KEY_BYTES.min(text.len()))
                    .rev()
                    .find(|at| text.is_char_boundary(*at))
                    .unwrap_or(0);
                SortKey::Text(text.get(..end).unwrap_or_default().into())
            }
        }
    }

    /// Order of two keys, reversed when descending.
    pub(crate) fn compare(&self, other: &SortKey, descending: bool) -> Ordering {
        let order = match (self, other) {
            (SortKey::Nothing, _) | (_, SortKey::Nothing) => return self.rank().cmp(&other.rank()),
            (SortKey::Bool(a), SortKey::Bool(b)) => a.cmp(b),
            (SortKey::Number(a), SortKey::Number(b)) => a.total_cmp(b),
            (SortKey::Text(a), SortKey::Text(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        };
        if descending { order.reverse() } else { order }
    }

    fn rank(&self) -> u8 {
        match self {
            SortKey::Bool(_) => 0,
            SortKey::Number(_) => 1,
            SortKey::Text(_) => 2,
            SortKey::Nothing => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_taken_apart_is_shown_as_it_is() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        for text in [deep.as_str(), r#"{"a":"\ud800"}"#] {
            assert_eq!(row(text.as_bytes())[RAW], text);
        }
        assert_eq!(row(br#"{"a":1}"#)["a"], 1);
    }
}
