//! Conversions of arguments to Rust types (`FromArg`).

use super::{Arg, ArgError};
use crate::lambda::Lambda;
use crate::memory;
use crate::query::{Lazy, Query, RowSink, Stop};
use crate::regex::Regex;
use crate::scope::Scope;
use crate::value::{Dict, Row, Str, Time, Value};

/// A type an argument can be declared as. Other crates implement it for their own types.
pub trait FromArg: Sized {
    /// Its name in the manual.
    const TYPE: &'static str;
    /// True for types that take a list.
    const REPEATED: bool = false;

    /// Converts a given argument.
    fn from_arg(arg: &Arg<'_>) -> Result<Self, ArgError>;
}

impl FromArg for Str {
    const TYPE: &'static str = "string";

    fn from_arg(arg: &Arg<'_>) -> Result<Str, ArgError> {
        Ok(arg.value().to_string_arg(arg.scope()))
    }
}

impl FromArg for String {
    const TYPE: &'static str = "string";

    fn from_arg(arg: &Arg<'_>) -> Result<String, ArgError> {
        let text = Str::from_arg(arg)?;
        match text.as_utf8() {
            // Each byte that is not UTF-8 becomes three.
            None if !memory::has_room(text.len().saturating_mul(3)) => Ok(String::new()),
            Some(_) if !memory::has_room(text.len()) => Ok(String::new()),
            _ => Ok(text.as_utf8_lossy().into_owned()),
        }
    }
}

impl FromArg for i64 {
    const TYPE: &'static str = "int64";

    fn from_arg(arg: &Arg<'_>) -> Result<i64, ArgError> {
        let value = arg.any();
        value.as_i64().ok_or_else(|| arg.wrong_type("an int", &value))
    }
}

impl FromArg for u64 {
    const TYPE: &'static str = "uint64";

    fn from_arg(arg: &Arg<'_>) -> Result<u64, ArgError> {
        i64::from_arg(arg).map(|value| value as u64)
    }
}

impl FromArg for f64 {
    const TYPE: &'static str = "float64";

    fn from_arg(arg: &Arg<'_>) -> Result<f64, ArgError> {
        let value = arg.any();
        value.as_f64().ok_or_else(|| arg.wrong_type("a float", &value))
    }
}

impl FromArg for bool {
    const TYPE: &'static str = "bool";

    fn from_arg(arg: &Arg<'_>) -> Result<bool, ArgError> {
        Ok(arg.any().truth(arg.scope()))
    }
}

impl FromArg for Vec<Str> {
    const TYPE: &'static str = "string";
    const REPEATED: bool = true;

    fn from_arg(arg: &Arg<'_>) -> Result<Vec<Str>, ArgError> {
        let scope = arg.scope();
        let mut strings = Vec::new();
        match arg.any().into_list(scope) {
            Ok(items) => {
                for item in items {
                    if !memory::has_room_in(&strings) {
                        break;
                    }
                    let item = item.reduce(scope);
                    // A dict of one string contributes that string, and then its own text as well.
                    if let Value::Dict(dict) = &item
                        && let [Value::Str(only)] = dict.values().as_slice()
                    {
                        strings.push(only.clone());
                    }
                    strings.push(item.to_text(scope));
                }
            }
            Err(single) => strings.push(single.to_text(scope)),
        }
        Ok(strings)
    }
}

impl FromArg for Vec<String> {
    const TYPE: &'static str = "string";
    const REPEATED: bool = true;

    fn from_arg(arg: &Arg<'_>) -> Result<Vec<String>, ArgError> {
        Ok(memory::collect(
            Vec::<Str>::from_arg(arg)?.iter().map(Str::to_string),
        ))
    }
}

impl FromArg for Vec<Value> {
    const TYPE: &'static str = "Any";
    const REPEATED: bool = true;

    fn from_arg(arg: &Arg<'_>) -> Result<Vec<Value>, ArgError> {
        Ok(match arg.any().into_list(arg.scope()) {
            // Reduced in place.
            Ok(items) => items.into_iter().map(|item| item.reduce(arg.scope())).collect(),
            Err(single) => vec![single],
        })
    }
}

impl FromArg for Vec<Dict> {
    const TYPE: &'static str = "Dict";
    const REPEATED: bool = true;

    fn from_arg(arg: &Arg<'_>) -> Result<Vec<Dict>, ArgError> {
        let items = Vec::<Value>::from_arg(arg)?;
        let dicts = items
            .iter()
            .filter(|item| !item.is_null())
            .map(|item| item.to_dict(arg.scope()));
        Ok(memory::collect(dicts))
    }
}

impl FromArg for Dict {
    const TYPE: &'static str = "Dict";

    fn from_arg(arg: &Arg<'_>) -> Result<Dict, ArgError> {
        match arg.any() {
            Value::Dict(dict) => Ok(dict),
            Value::Null => Ok(Dict::new()),
            value @ (Value::Str(_) | Value::Int(_) | Value::UInt(_) | Value::Bytes(_)) => {
                Err(arg.wrong_type("a dict", &value))
            }
            value => Ok(value.to_dict(arg.scope())),
        }
    }
}

impl FromArg for Query {
    const TYPE: &'static str = "StoredQuery";

    fn from_arg(arg: &Arg<'_>) -> Result<Query, ArgError> {
        Ok(arg.value().into_query(arg.scope()))
    }
}

impl FromArg for Lazy {
    const TYPE: &'static str = "LazyExpr";

    fn from_arg(arg: &Arg<'_>) -> Result<Lazy, ArgError> {
        Ok(arg.lazy())
    }
}

impl FromArg for Value {
    const TYPE: &'static str = "Any";

    fn from_arg(arg: &Arg<'_>) -> Result<Value, ArgError> {
        Ok(arg.any())
    }
}

impl FromArg for Time {
    const TYPE: &'static str = "Time";

    fn from_arg(arg: &Arg<'_>) -> Result<Time, ArgError> {
        let value = arg.any();
        if value.is_null() {
            return Ok(Time::ZERO);
        }
        // Many functions answer for "now" when they get no time, so a time that cannot be read must be an
        // error, or nobody would notice.
        crate::time::to_time(arg.scope(), &value).ok_or_else(|| arg.wrong_type("a time", &value))
    }
}

impl FromArg for Lambda {
    const TYPE: &'static str = "Lambda";

    fn from_arg(arg: &Arg<'_>) -> Result<Lambda, ArgError> {
        let name = arg.name().as_utf8_lossy();
        match arg.any() {
            Value::Str(text) => {
                Lambda::parse(arg.scope(), &text).map_err(|reason| ArgError(format!("Field {name} {reason}")))
            }
            other => Err(ArgError(format!(
                "Field {name} Got field type {}: VQL lambda functions need to be a string of the form \"x=>...\"",
                other.type_name()
            ))),
        }
    }
}

impl FromArg for Regex {
    const TYPE: &'static str = "regex";

    fn from_arg(arg: &Arg<'_>) -> Result<Regex, ArgError> {
        let pattern = Str::from_arg(arg)?;
        Regex::cached(&pattern).map_err(|reason| ArgError(format!("Field {}: {reason}", arg.name())))
    }
}

impl<T: FromArg> FromArg for Option<T> {
    const TYPE: &'static str = T::TYPE;
    const REPEATED: bool = T::REPEATED;

    fn from_arg(arg: &Arg<'_>) -> Result<Option<T>, ArgError> {
        T::from_arg(arg).map(Some)
    }
}

/// The rows a value stands for when it is used as a query.
pub(crate) fn rows_of(value: Value, scope: &Scope) -> Vec<Row> {
    let mut rows = Vec::new();
    // It stops only when the query does.
    let _ = each_row_of(value, scope, &mut rows);
    rows
}

/// Pushes the rows a value stands for when it is used as a query.
pub(crate) fn each_row_of(value: Value, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
    let mut each = |item: Value| {
        let item = item.reduce(scope);
        if item.is_null() {
            Ok(())
        } else if item.has_members() {
            rows.push(Row::from(item))
        } else {
            rows.push(value_row(item))
        }
    };
    match value.reduce(scope) {
        Value::Null => Ok(()),
        Value::Array(items) => items.iter().try_for_each(|item| each(item.clone())),
        Value::Dict(dict) => rows.push(Row::from(dict)),
        Value::Object(object) => match object.elements(scope) {
            Some(elements) => elements.into_iter().try_for_each(each),
            None => rows.push(value_row(Value::Object(object))),
        },
        other => rows.push(value_row(other)),
    }
}

/// A row with the one column `_value`.
pub(crate) fn value_row(value: Value) -> Row {
    static COLUMNS: std::sync::LazyLock<std::sync::Arc<crate::value::Columns>> =
        std::sync::LazyLock::new(|| crate::value::Columns::new(["_value"]));
    Row::single(&COLUMNS, value)
}
