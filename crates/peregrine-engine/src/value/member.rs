//! `x[i]`, `x[a:b]`, `x.name`.

use std::sync::Arc;

use super::{Dict, Row, Str, Value};
use crate::scope::Scope;

impl Value {
    /// `x.name`; `None`: not found.
    #[must_use]
    pub fn member(&self, scope: &Scope, name: &[u8]) -> Option<Value> {
        match self {
            Value::Dict(dict) => dict.get(name).or_else(|| special_key(dict, scope, name)),
            Value::Scope(inner) => inner.get(&String::from_utf8_lossy(name)),
            Value::Lazy(lazy) => lazy.force(scope).member(scope, name),
            Value::Query(query) => Some(column_of(query, scope, name)),
            Value::Time(time) => crate::time::member(*time, name),
            Value::Object(object) => object
                .entry(scope, name)
                .or_else(|| object.member(scope, std::str::from_utf8(name).ok()?)),
            Value::Array(items) => {
                let found: Vec<Value> = items.iter().filter_map(|item| item.member(scope, name)).collect();
                // The empty result of mapping behaves as NULL.
                Some(if found.is_empty() {
                    Value::Null
                } else {
                    Value::array(found)
                })
            }
            _ => None,
        }
    }

    /// `x[key]`; `None`: not found.
    #[must_use]
    pub fn index(&self, scope: &Scope, key: &Value) -> Option<Value> {
        match (self, key) {
            (Value::Lazy(lazy), _) => lazy.force(scope).index(scope, key),
            (Value::Null, _) => Some(Value::Null),
            (_, Value::Str(name)) => self.member(scope, name),
            (Value::Query(query), _) => {
                let position = key.as_i64()?;
                if let Some(rows) = query.rows_in_memory() {
                    return rows
                        .get(position_in(position, rows.len())?)
                        .cloned()
                        .map(Row::into_value);
                }
                if query.is_file_backed() || !matches!(key, Value::Int(_)) {
                    return None;
                }
                row_at(query, scope, usize::try_from(position).ok()?)
            }
            (Value::Str(text), _) => byte_at(text, key.as_i64()?),
            (Value::Bytes(bytes), _) => byte_at(bytes, key.as_i64()?),
            (Value::Array(items), _) => items.get(position_in(key.as_i64()?, items.len())?).cloned(),
            (Value::Object(object), _) => key
                .as_i64()
                .and_then(|position| object.index(scope, position))
                .or_else(|| object.entry(scope, &key.to_text(scope))),
            // Keys are text; a number is looked up by its digits.
            (Value::Dict(dict), Value::Int(_) | Value::UInt(_) | Value::Float(_)) => {
                dict.get(key.to_text(scope))
            }
            _ => None,
        }
    }

    /// `x[from:to]`; NULL for what cannot be sliced.
    #[must_use]
    pub fn slice(&self, from: Option<i64>, to: Option<i64>) -> Value {
        match self {
            Value::Str(text) => {
                let (from, to) = bounds(from, to, text.len());
                Value::Str(Str::new(text.get(from..to).unwrap_or_default()))
            }
            Value::Bytes(bytes) => {
                let (from, to) = bounds(from, to, bytes.len());
                Value::bytes(bytes.get(from..to).unwrap_or_default())
            }
            Value::Array(items) => {
                let (from, to) = bounds(from, to, items.len());
                Value::array(items.get(from..to).unwrap_or_default().to_vec())
            }
            Value::Query(query) => match query.rows_in_memory() {
                Some(rows) => {
                    let (from, to) = bounds(from, to, rows.len());
                    let rows = rows.get(from..to).unwrap_or_default();
                    rows.iter().cloned().map(Row::into_value).collect()
                }
                None => Value::Null,
            },
            Value::Object(object) => object.slice(from, to).unwrap_or(Value::Null),
            _ => Value::Null,
        }
    }

    /// True for values that have members by name.
    #[must_use]
    pub fn has_members(&self) -> bool {
        matches!(self, Value::Dict(_) | Value::Object(_) | Value::Scope(_))
    }

    /// The members `*` and `items()` show: keys of a dict, members of an object, those of an array's first element.
    #[must_use]
    pub fn member_names(&self, scope: &Scope) -> Vec<Str> {
        match self {
            Value::Dict(dict) => dict.keys(),
            Value::Object(object) => object.member_names(),
            Value::Array(items) => items
                .first()
                .map(|item| item.member_names(scope))
                .unwrap_or_default(),
            Value::Lazy(lazy) => lazy.force(scope).member_names(scope),
            _ => Vec::new(),
        }
    }

    /// The value's members as a dict; a dict is itself.
    #[must_use]
    pub fn to_dict(&self, scope: &Scope) -> Dict {
        match self {
            Value::Dict(dict) => dict.clone(),
            Value::Lazy(lazy) => lazy.force(scope).to_dict(scope),
            other => {
                let names = other.member_names(scope).into_iter();
                Dict::from_pairs(names.map(|name| {
                    let value = other.member(scope, &name);
                    (name, value)
                }))
            }
        }
    }
}

fn special_key(dict: &Dict, scope: &Scope, name: &[u8]) -> Option<Value> {
    match name {
        b"@Keys" => Some(Value::from(dict.keys())),
        b"@Values" => Some(Value::from(dict.values())),
        b"@Items" => {
            let items = dict.entries().into_iter();
            Some(
                items
                    .map(|(key, value)| Dict::from_pairs([("Key", Value::Str(key)), ("Value", value)]))
                    .collect(),
            )
        }
        b"@Len" => Some(Value::from(dict.len())),
        b"@String" => Some(Value::Str(Value::Dict(dict.clone()).to_text(scope))),
        b"@ToMap" => {
            let mut entries = dict.entries();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Some(Value::Dict(Dict::from_pairs(entries)))
        }
        _ => None,
    }
}

/// `query.name`: one entry per row, NULL where a row lacks the name.
fn column_of(query: &crate::query::Query, scope: &Scope, name: &[u8]) -> Value {
    let rows = query.collect(scope);
    rows.into_iter()
        .map(|row| row.into_value().member(scope, name).unwrap_or_default())
        .collect()
}

/// The row at a position; the query stops after it.
fn row_at(query: &crate::query::Query, scope: &Scope, position: usize) -> Option<Value> {
    let mut left = position;
    let mut found = None;
    let _ = query.run(
        scope,
        &mut crate::query::FnSink(|row: Row| {
            if left == 0 {
                found = Some(row.into_value());
                return Err(crate::query::Stop);
            }
            left -= 1;
            Ok(())
        }),
    );
    found
}

fn byte_at(bytes: &[u8], position: i64) -> Option<Value> {
    bytes
        .get(position_in(position, bytes.len())?)
        .map(|byte| Value::from(*byte))
}

/// Negative positions count from the end.
fn position_in(position: i64, len: usize) -> Option<usize> {
    let position = if position < 0 {
        position.checked_add(i64::try_from(len).ok()?)?
    } else {
        position
    };
    usize::try_from(position).ok().filter(|position| *position < len)
}

/// Slice bounds, clamped; never `from > to`.
fn bounds(from: Option<i64>, to: Option<i64>, len: usize) -> (usize, usize) {
    let clamp = |bound: i64| {
        let bound = if bound < 0 {
            bound.saturating_add(len as i64).max(0)
        } else {
            bound
        };
        usize::try_from(bound).unwrap_or(usize::MAX).min(len)
    };
    let to = to.map_or(len, clamp);
    let from = from.map_or(0, clamp).min(to);
    (from, to)
}

impl From<&[Value]> for Value {
    fn from(items: &[Value]) -> Value {
        Value::Array(Arc::new(items.to_vec()))
    }
}
