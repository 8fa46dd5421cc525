//! How values are printed.

use gotmpl::{Result, Value};
use peregrine_engine::prelude as vql;
use peregrine_engine::value::{as_characters, from_characters};

use super::args::{check_length, text_at};
use super::bridge::{Bridge, string};

/// Go's own print functions are unbounded, so these replace them.
pub(super) const ALL: super::Table = &[
    ("print", |bridge, args| {
        let mut out = String::new();
        for (i, value) in args.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|before| args.get(before));
            let is_word = |value: &Value| matches!(value, Value::String(_));
            if before.is_some_and(|before| !is_word(before) && !is_word(value)) {
                out.push(' ');
            }
            out.push_str(&plain(bridge, value));
            check_length(out.len())?;
        }
        Ok(string(out))
    }),
    ("println", |bridge, args| {
        let words: Vec<String> = args.iter().map(|value| plain(bridge, value)).collect();
        check_length(words.iter().map(String::len).sum())?;
        Ok(string(format!("{}\n", words.join(" "))))
    }),
    ("printf", |bridge, args| {
        let format = text_at(args, 0)?;
        let args = args.get(1..).unwrap_or_default();
        let mut size = format.len();
        for value in args {
            size = size.saturating_add(plain(bridge, value).len());
        }
        check_length(size)?;
        let values: Vec<vql::Value> = args.iter().map(|value| bridge.value(value)).collect();
        let text = peregrine_engine::format::format(bridge.scope(), &from_characters(&format), &values);
        Ok(string(as_characters(&text)))
    }),
];

/// The output of a text template: dicts as JSON, lists in brackets.
pub(crate) fn show(bridge: &Bridge, args: &[Value]) -> Result<Value> {
    Ok(match super::args::arg(args, 0)? {
        Value::Nil => Value::Nil,
        Value::Float(value) => super::math::shown_float(*value),
        value @ (Value::List(_) | Value::Map(_)) => string(plain(bridge, value)),
        other => other.clone(),
    })
}

fn plain(bridge: &Bridge, value: &Value) -> String {
    match value {
        Value::Nil => "<nil>".to_owned(),
        Value::List(_) | Value::Map(_) => {
            as_characters(&bridge.value(value).to_text(bridge.scope())).into_owned()
        }
        other => super::args::text(other),
    }
}
