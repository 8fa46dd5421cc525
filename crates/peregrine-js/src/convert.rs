//! Converts values of VQL to JavaScript and back. In scripts, a byte that is not UTF-8 is a character of a
//! private plane, which is converted back to the byte.

use peregrine_engine::prelude::*;
use peregrine_engine::value::{as_characters, from_characters};
use rquickjs::{Array, Ctx, Error, IntoJs, Object as JsObject, Type, Value as JsValue};

/// Nesting beyond which values are cut off.
const MAX_DEPTH: u32 = 64;
/// Maximum number of values in one conversion.
const MAX_VALUES: usize = 1_000_000;
/// Whole numbers up to this are exact in JavaScript.
const EXACT: i64 = 1 << 53;

/// Converts to JavaScript: values without a counterpart become text.
pub(crate) fn to_js<'js>(ctx: &Ctx<'js>, scope: &Scope, value: &Value) -> rquickjs::Result<JsValue<'js>> {
    give(ctx, scope, value, 0)
}

fn give<'js>(ctx: &Ctx<'js>, scope: &Scope, value: &Value, depth: u32) -> rquickjs::Result<JsValue<'js>> {
    if depth > MAX_DEPTH {
        return Ok(JsValue::new_null(ctx.clone()));
    }
    let list = |items: &[Value]| -> rquickjs::Result<JsValue<'js>> {
        let array = Array::new(ctx.clone())?;
        for (i, item) in items.iter().enumerate() {
            array.set(i, give(ctx, scope, item, depth + 1)?)?;
        }
        Ok(array.into_value())
    };
    Ok(match value {
        Value::Null => JsValue::new_null(ctx.clone()),
        Value::Bool(value) => JsValue::new_bool(ctx.clone(), *value),
        Value::Int(value) => match i32::try_from(*value) {
            Ok(value) => JsValue::new_int(ctx.clone(), value),
            Err(_) => JsValue::new_float(ctx.clone(), *value as f64),
        },
        Value::UInt(value) => JsValue::new_float(ctx.clone(), *value as f64),
        Value::Float(value) => JsValue::new_float(ctx.clone(), *value),
        Value::Str(text) => as_characters(text).into_js(ctx)?,
        Value::Bytes(bytes) => as_characters(bytes).into_js(ctx)?,
        Value::Time(time) => match peregrine_engine::time::rfc3339(*time) {
            Some(text) => text.into_js(ctx)?,
            None => JsValue::new_null(ctx.clone()),
        },
        Value::Array(items) => list(items)?,
        Value::Dict(dict) => members(ctx, scope, dict, depth)?,
        Value::Query(query) => {
            let mut rows = Vec::new();
            let _ = query.run(
                scope,
                &mut FnSink(|row: Row| {
                    if rows.len() >= MAX_VALUES {
                        return Err(Stop);
                    }
                    rows.push(row.into_value());
                    scope.checkpoint()
                }),
            );
            list(&rows)?
        }
        Value::Object(object) => match object.to_text() {
            Some(text) => as_characters(&text).into_js(ctx)?,
            None => members(ctx, scope, &value.to_dict(scope), depth)?,
        },
        Value::Lazy(lazy) => give(ctx, scope, &lazy.force(scope), depth + 1)?,
        Value::Scope(_) => JsValue::new_null(ctx.clone()),
    })
}

fn members<'js>(ctx: &Ctx<'js>, scope: &Scope, dict: &Dict, depth: u32) -> rquickjs::Result<JsValue<'js>> {
    let object = JsObject::new(ctx.clone())?;
    for (key, item) in dict.entries() {
        object.set(&*as_characters(&key), give(ctx, scope, &item, depth + 1)?)?;
    }
    Ok(object.into_value())
}

/// Converts from JavaScript. The outer error is the script's (a getter may throw), the inner one ours.
pub(crate) fn from_js(value: &JsValue<'_>) -> rquickjs::Result<Result<Value, String>> {
    let mut left = MAX_VALUES;
    match take(value, 0, &mut left) {
        Ok(value) => Ok(Ok(value)),
        Err(Trouble::Script(error)) => Err(error),
        Err(Trouble::TooMuch) => Ok(Err(format!("the result has more than {MAX_VALUES} values"))),
    }
}

enum Trouble {
    Script(Error),
    TooMuch,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Script(error)
    }
}

fn take(value: &JsValue<'_>, depth: u32, left: &mut usize) -> Result<Value, Trouble> {
    *left = left.checked_sub(1).ok_or(Trouble::TooMuch)?;
    if depth > MAX_DEPTH {
        return Ok(Value::Null);
    }
    Ok(match value.type_of() {
        Type::Bool => Value::from(value.as_bool().unwrap_or(false)),
        Type::Int => Value::from(value.as_int().unwrap_or(0)),
        Type::Float => number(value.as_float().unwrap_or(0.0)),
        Type::String => match value.as_string() {
            Some(text) => Value::Str(from_characters(&text.to_string()?)),
            None => Value::Null,
        },
        Type::BigInt => match value.clone().into_big_int() {
            Some(number) => Value::from(number.to_i64()?),
            None => Value::Null,
        },
        Type::Array => {
            let mut items = Vec::new();
            for item in value.as_array().into_iter().flat_map(Array::iter::<JsValue<'_>>) {
                items.push(take(&item?, depth + 1, left)?);
            }
            Value::array(items)
        }
        Type::Object | Type::Exception | Type::Proxy => match value.as_object() {
            Some(object) => object_value(object, depth, left)?,
            None => Value::Null,
        },
        _ => Value::Null,
    })
}

fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() <= EXACT as f64 {
        Value::from(value as i64)
    } else {
        Value::from(value)
    }
}

fn object_value(object: &JsObject<'_>, depth: u32, left: &mut usize) -> Result<Value, Trouble> {
    // A date, as far as a script can tell.
    let date: JsValue<'_> = object.ctx().globals().get("Date")?;
    if date.is_function() && object.is_instance_of(&date) {
        let get: Option<rquickjs::Function<'_>> = object.get("getTime")?;
        if let Some(get) = get {
            let millis: f64 = get.call((rquickjs::function::This(object.clone()),))?;
            if millis.is_nan() {
                return Ok(Value::Null);
            }
            return Ok(Value::Time(Time::from_unix_nanos(
                (millis as i128).saturating_mul(1_000_000),
            )));
        }
    }
    let dict = Dict::new();
    for entry in object.props::<String, JsValue<'_>>() {
        let (key, item) = entry?;
        if !item.is_function() {
            dict.set(from_characters(&key), take(&item, depth + 1, left)?);
        }
    }
    Ok(Value::Dict(dict))
}
