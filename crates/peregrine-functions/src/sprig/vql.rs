//! Functions of the language: members, variables, text, truth and comparison.

use gotmpl::{Result, Value};
use peregrine_engine::prelude as vql;
use peregrine_engine::value::as_characters;

use super::args::{arg, exactly, text_at};
use super::bridge::{Bridge, string};

pub(super) const ALL: super::Table = &[
    ("Get", |bridge, args| {
        let path = text_at(args, 1)?;
        match follow(bridge.scope(), bridge.value(arg(args, 0)?), &path) {
            Some(found) if !found.is_null() => bridge.show(&found),
            _ => Ok(args.get(2).cloned().unwrap_or_else(|| string(""))),
        }
    }),
    ("Scope", |bridge, args| {
        match bridge.scope().get(&text_at(args, 0)?) {
            Some(found) => bridge.show(&found.reduce(bridge.scope())),
            None => Ok(string("<?>")),
        }
    }),
    ("str", |bridge, args| {
        let text = bridge.value(arg(args, 0)?).to_text(bridge.scope());
        Ok(string(as_characters(&text)))
    }),
];

pub(super) const TEXT_ONLY: super::Table = &[
    ("bool", |bridge, args| truth(bridge, args).map(Value::Bool)),
    ("not", |bridge, args| {
        truth(bridge, args).map(|truth| Value::Bool(!truth))
    }),
    ("lt", |bridge, args| less(bridge, args, false)),
    ("gt", |bridge, args| less(bridge, args, true)),
    ("eq", |bridge, args| {
        let first = bridge.value(arg(args, 0)?);
        arg(args, 1)?;
        let rest = args.get(1..).unwrap_or_default();
        let is_equal = |other: &Value| first.equals(bridge.scope(), &bridge.value(other));
        Ok(Value::Bool(rest.iter().any(is_equal)))
    }),
];

fn truth(bridge: &Bridge, args: &[Value]) -> Result<bool> {
    let [value] = exactly(args)?;
    Ok(bridge.value(value).truth(bridge.scope()))
}

fn less(bridge: &Bridge, args: &[Value], swapped: bool) -> Result<Value> {
    let [a, b] = exactly(args)?;
    let (a, b) = if swapped { (b, a) } else { (a, b) };
    let is_less = bridge.value(a).less_than(bridge.scope(), &bridge.value(b));
    Ok(Value::Bool(is_less))
}

/// A member by a path of names and positions.
fn follow(scope: &vql::Scope, item: vql::Value, path: &str) -> Option<vql::Value> {
    let mut value = item;
    for part in path.split('.') {
        let key = match (&value, part.parse::<i64>()) {
            (vql::Value::Array(_), Ok(position)) => vql::Value::from(position),
            _ => vql::Value::from(part),
        };
        value = value.index(scope, &key)?.reduce(scope);
    }
    Some(value)
}
