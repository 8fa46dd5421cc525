//! Truth of values, and evaluation of lazy values.

use super::Value;
use crate::memory;
use crate::query::Query;
use crate::scope::Scope;

impl Value {
    /// True or false, as conditions see it. Negative numbers are false; a query is true if it has a row.
    #[must_use]
    pub fn truth(&self, scope: &Scope) -> bool {
        match self {
            Value::Null | Value::Scope(_) => false,
            Value::Object(object) => object.truth(),
            Value::Bool(value) => *value,
            Value::Int(value) => *value > 0,
            // Above `i64::MAX`: wraps to a negative number, as everywhere else.
            Value::UInt(_) => false,
            Value::Float(value) => *value > 0.0,
            Value::Str(text) => !text.is_empty(),
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::Time(time) => time.unix() > 0,
            Value::Array(items) => !items.is_empty(),
            Value::Dict(dict) => !dict.is_empty(),
            Value::Query(query) => query.has_rows(scope),
            Value::Lazy(lazy) => lazy.force(scope).truth(scope),
        }
    }

    /// Evaluates a lazy expression; other values stay.
    #[inline]
    #[must_use]
    pub fn reduce(self, scope: &Scope) -> Value {
        let mut value = self;
        // A lazy value may evaluate to another one, but not forever.
        for _ in 0..32 {
            match value {
                Value::Lazy(lazy) => value = crate::stack::grow(|| lazy.0.force(scope)),
                other => return other,
            }
        }
        Value::Null
    }

    /// `self =~ pattern`
    #[must_use]
    pub fn matches(&self, scope: &Scope, pattern: &Value) -> bool {
        crate::eval::matches(scope, self, pattern)
    }

    /// `self < other`
    #[must_use]
    pub fn less_than(&self, scope: &Scope, other: &Value) -> bool {
        crate::eval::less(scope, self, other)
    }

    /// `self = other`
    #[must_use]
    pub fn equals(&self, scope: &Scope, other: &Value) -> bool {
        crate::eval::equal(scope, self, other)
    }

    /// Turns a query into the array of its rows; other values stay.
    #[must_use]
    pub fn expanded(self, scope: &Scope) -> Value {
        match self.reduce(scope) {
            Value::Query(query) if query.is_file_backed() => Value::Null,
            Value::Query(query) => query.to_array(scope),
            other => other,
        }
    }

    /// The value as parameters of type "any" see it: rows in memory become a list, rows in a file NULL.
    #[must_use]
    pub fn into_argument(self) -> Value {
        match &self {
            Value::Query(query) => match query.rows_in_memory() {
                Some(rows) => rows.iter().cloned().map(super::Row::into_value).collect(),
                None if query.is_file_backed() => Value::Null,
                None => self,
            },
            _ => self,
        }
    }

    /// The items of a list-like value (array, rows of a query), or the value itself.
    pub fn into_list(self, scope: &Scope) -> Result<Vec<Value>, Value> {
        match self.reduce(scope) {
            Value::Array(items) => Ok(std::sync::Arc::try_unwrap(items)
                .unwrap_or_else(|shared| memory::collect(shared.iter().cloned()))),
            Value::Query(query) if query.is_file_backed() => Err(Value::Null),
            Value::Query(query) => Ok(query.collect_values(scope)),
            Value::Bytes(bytes) => Ok(memory::collect(bytes.iter().map(|byte| Value::from(*byte)))),
            Value::Object(object) => object.elements(scope).ok_or(Value::Object(object)),
            other => Err(other),
        }
    }

    /// The value as a query: arrays give their elements, dicts one row, other values one row `_value`, NULL
    /// none.
    #[must_use]
    pub fn into_query(self, scope: &Scope) -> Query {
        match self.reduce(scope) {
            Value::Query(query) => query,
            other => Query::from_rows(crate::call::rows_of(other, scope)),
        }
    }
}
