//! Rows and cells of stored lines, each of which is a JSON object.

use super::lenient;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

/// A whole row, in column order.
pub type Row = serde_json::Map<String, Value>;

/// The only column of a line that is not a row.
const DAMAGED: &str = "_damaged";

/// Parses a stored line; everything that shows rows uses it. Values that the parser refuses become text; a line that is not
/// a JSON object becomes a row with the column `_damaged`.
pub fn row(line: &[u8]) -> Row {
    let repaired = || serde_json::from_str(&lenient::repair(line));
    serde_json::from_slice(line)
        .or_else(|_| repaired())
        .unwrap_or_else(|_| {
            let text = Value::from(String::from_utf8_lossy(line));
            std::iter::once((DAMAGED.to_owned(), text)).collect()
        })
}

/// Reads one cell without building the others.
pub fn cell(line: &[u8], column: &str) -> Value {
    let mut reader = serde_json::Deserializer::from_slice(line);
    OneCell(column)
        .deserialize(&mut reader)
        .unwrap_or_else(|_| row(line).remove(column).unwrap_or_default())
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

/// A cell as text, for searching.
pub fn text(cell: &Value) -> Cow<'_, str> {
    match cell {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// What rows are sorted by. Empty cells come last in both directions.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    Bool(bool),
    Number(f64),
    Text(Box<str>),
    Nothing,
}

/// Bytes compared of a text: keeps a million keys small.
const KEY_BYTES: usize = 256;

impl SortKey {
    pub fn of(cell: &Value) -> SortKey {
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
    pub fn compare(&self, other: &SortKey, descending: bool) -> Ordering {
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
    fn no_row_is_blank() {
        let deep = format!("{{\"a\":1,\"deep\":{}{}}}", "[".repeat(500), "]".repeat(500));
        let half = r#"{"a":1,"half":"x\ud800"}"#;
        for line in [&*deep, half] {
            assert_eq!(cell(line.as_bytes(), "a"), 1);
            assert_eq!(row(line.as_bytes())["a"], 1);
        }
        assert!(cell(deep.as_bytes(), "deep").to_string().contains("[[[["));
        assert_eq!(cell(half.as_bytes(), "half"), "x\u{fffd}");
        assert_eq!(row(b"no row")[DAMAGED], "no row");
        assert_eq!(cell(b"no row", "a"), Value::Null);
    }
}
