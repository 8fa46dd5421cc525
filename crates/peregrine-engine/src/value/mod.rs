//! Values of the language.

mod characters;
mod columns;
mod dict;
mod member;
mod object;
mod row;
mod str;
mod text;
mod time;
mod truth;

use std::sync::Arc;

pub(crate) use self::characters::is_stand_in;
pub use self::characters::{as_characters, from_characters};
pub(crate) use self::columns::Beyond;
pub use self::columns::{Columns, fold_case};
pub use self::dict::Dict;
pub(crate) use self::dict::Lookup;
pub use self::object::{Object, Packed};
pub(crate) use self::row::PositionCache;
pub use self::row::Row;
pub use self::str::Str;
pub(crate) use self::text::{float_text, itoa, shortest, with_exponent};
pub use self::time::{Time, ZoneId};
use crate::memory;
use crate::query::{Lazy, Query};
use crate::scope::Scope;

/// A value. 24 bytes; cloning shares strings and containers.
#[derive(Debug, Clone, Default)]
pub enum Value {
    /// NULL.
    #[default]
    Null,
    /// TRUE or FALSE.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number above `i64::MAX`; use `Value::from(u64)`.
    UInt(u64),
    /// A double-precision number.
    Float(f64),
    /// A byte string.
    Str(Str),
    /// Bytes: an array of numbers to most operators, base64 in JSON.
    Bytes(Arc<[u8]>),
    /// An instant.
    Time(Time),
    /// A list.
    Array(Arc<Vec<Value>>),
    /// An ordered map, shared and mutable in place.
    Dict(Dict),
    /// A lazy stream of rows.
    Query(Query),
    /// A scope as a value.
    Scope(Scope),
    /// A value made by a plugin.
    Object(Arc<dyn Object>),
    /// An expression not evaluated yet.
    Lazy(Lazy),
}

const _: () = assert!(size_of::<Value>() == 24);

impl Value {
    /// A string.
    pub fn str(text: impl Into<Str>) -> Value {
        Value::Str(text.into())
    }

    /// Bytes, as opposed to a string.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Value {
        Value::Bytes(Arc::from(bytes))
    }

    /// An array.
    #[must_use]
    pub fn array(items: Vec<Value>) -> Value {
        Value::Array(Arc::new(items))
    }

    /// An object.
    pub fn object(object: impl Object + 'static) -> Value {
        Value::Object(Arc::new(object))
    }

    /// True for NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// A number as a whole number: bool as 0/1, floats truncated, large ones wrapped.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Bool(value) => Some(i64::from(*value)),
            Value::Int(value) => Some(*value),
            Value::UInt(value) => Some(*value as i64),
            Value::Float(value) => Some(*value as i64),
            Value::Object(object) => object.to_number(),
            _ => None,
        }
    }

    /// A number as a float; bool as 0/1.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Bool(value) => Some(f64::from(u8::from(*value))),
            Value::Int(value) => Some(*value as f64),
            Value::UInt(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Object(object) => object.to_number().map(|number| number as f64),
            _ => None,
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The dict, if it is one.
    #[must_use]
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Value::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The elements, if it is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The object of a given type, if it is one.
    #[must_use]
    pub fn as_object<T: 'static>(&self) -> Option<&T> {
        match self {
            Value::Object(object) => object.as_any().downcast_ref(),
            _ => None,
        }
    }
}

macro_rules! from_int {
    ($($int:ty),*) => {$(
        impl From<$int> for Value {
            fn from(value: $int) -> Value {
                Value::Int(i64::from(value))
            }
        }
    )*};
}
from_int!(i8, i16, i32, i64, u8, u16, u32);

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        i64::try_from(value).map_or(Value::UInt(value), Value::Int)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Value {
        Value::from(value as u64)
    }
}

macro_rules! from_same {
    ($($from:ty => $variant:ident),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Value {
                Value::$variant(value.into())
            }
        }
    )*};
}
from_same!(
    bool => Bool, f64 => Float, f32 => Float, &str => Str, String => Str, &String => Str, Str => Str, char => Str,
    std::borrow::Cow<'_, str> => Str, Time => Time, Dict => Dict, Query => Query, Scope => Scope, Lazy => Lazy,
    Arc<dyn Object> => Object, Arc<Vec<Value>> => Array,
);

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        let items = items.into_iter().map(Into::into);
        // Items as large as values are converted in place; smaller ones need a larger allocation.
        if size_of::<T>() < size_of::<Value>() {
            return Value::array(memory::collect(items));
        }
        Value::array(items.collect())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

impl From<Row> for Value {
    fn from(row: Row) -> Value {
        row.into_value()
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Value {
        Value::array(memory::collect(items.into_iter().map(Into::into)))
    }
}
