//! Parameters of statements and values of results.

use crate::rows::SetId;
use crate::{Error, Result};
use peregrine_base::ids::BadId;
use peregrine_base::{ClientId, FlowId, HuntId, OrgId};

/// An SQL value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Integer(i64),
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// Builds the parameter list of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::sql::Value::from($value)),*]
    };
}
pub(crate) use values;

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

/// Counts and positions: SQL has no unsigned integers.
impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value<'_> {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Value::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Value::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Value::Bytes(bytes)
    }
}

/// Ids that are text: bound as text, and checked again when they are read.
macro_rules! text_ids {
    ($($id:ty),*) => {$(
        impl<'a> From<&'a $id> for Value<'a> {
            fn from(id: &'a $id) -> Self {
                Value::Text(id.as_str())
            }
        }

        impl FromValue for $id {
            fn from_value(value: Value<'_>) -> Result<$id> {
                match value {
                    Value::Text(text) => text.parse().map_err(|error: BadId| Error::Sql(error.to_string())),
                    found => other("text", found),
                }
            }
        }
    )*};
}
text_ids!(OrgId, ClientId, FlowId, HuntId);

impl From<SetId> for Value<'_> {
    fn from(id: SetId) -> Self {
        Value::Integer(id.0)
    }
}

impl FromValue for SetId {
    fn from_value(value: Value<'_>) -> Result<SetId> {
        i64::from_value(value).map(SetId)
    }
}

impl<'a, T> From<Option<T>> for Value<'a>
where
    Value<'a>: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Value::from)
    }
}

/// Conversion from a value to a Rust type.
pub(crate) trait FromValue: Sized {
    fn from_value(value: Value<'_>) -> Result<Self>;
}

fn other<T>(expected: &str, found: Value<'_>) -> Result<T> {
    let kind = match found {
        Value::Null => "nothing",
        Value::Integer(_) => "a number",
        Value::Bool(_) => "a truth value",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
    };
    Err(Error::Sql(format!("expected {expected}, found {kind}")))
}

impl FromValue for i64 {
    fn from_value(value: Value<'_>) -> Result<i64> {
        match value {
            Value::Integer(number) => Ok(number),
            found => other("a number", found),
        }
    }
}

/// Counts and positions, which SQL stores as signed integers.
impl FromValue for u64 {
    fn from_value(value: Value<'_>) -> Result<u64> {
        i64::from_value(value).map(|number| u64::try_from(number).unwrap_or(0))
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Result<bool> {
        match value {
            Value::Bool(truth) => Ok(truth),
            // SQLite has no boolean type.
            Value::Integer(number) => Ok(number != 0),
            found => other("a truth value", found),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Result<String> {
        match value {
            Value::Text(text) => Ok(text.to_owned()),
            found => other("text", found),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Result<Vec<u8>> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.to_vec()),
            found => other("bytes", found),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Result<Option<T>> {
        match value {
            Value::Null => Ok(None),
            value => T::from_value(value).map(Some),
        }
    }
}
