//! Defaults, choices and type checks.

use gotmpl::{Result, Value};

use super::args::{arg, exactly, is_empty, text, text_at};
use super::bridge::{Bridge, fail, string};

pub(super) const ALL: super::Table = &[
    ("default", |_, args| match args {
        [default] => Ok(default.clone()),
        [default, given, ..] if is_empty(given) => Ok(default.clone()),
        [_, given, ..] => Ok(given.clone()),
        [] => Err(fail("default needs a default")),
    }),
    ("empty", |_, args| Ok(Value::Bool(is_empty(arg(args, 0)?)))),
    ("coalesce", |_, args| {
        let found = args.iter().find(|value| !is_empty(value));
        Ok(found.cloned().unwrap_or(Value::Nil))
    }),
    ("all", |_, args| Ok(Value::Bool(!args.iter().any(is_empty)))),
    ("any", |_, args| {
        Ok(Value::Bool(args.iter().any(|value| !is_empty(value))))
    }),
    ("ternary", |_, args| {
        let [yes, no, condition] = exactly(args)?;
        Ok(if condition.is_truthy() { yes } else { no }.clone())
    }),
    ("fail", |_, args| Err(fail(text_at(args, 0)?))),
    // Deliberately without effect: templates do not read the environment.
    ("env", stub),
    ("expandenv", stub),
    ("typeOf", |_, args| Ok(string(type_of(arg(args, 0)?)))),
    ("kindOf", |_, args| Ok(string(kind_of(arg(args, 0)?)))),
    ("typeIs", |_, args| {
        let [name, value] = exactly(args)?;
        Ok(Value::Bool(text(name) == type_of(value)))
    }),
    ("typeIsLike", |_, args| {
        let [name, value] = exactly(args)?;
        let (name, found) = (text(name), type_of(value));
        Ok(Value::Bool(name == found || format!("*{name}") == found))
    }),
    ("kindIs", |_, args| {
        let [name, value] = exactly(args)?;
        Ok(Value::Bool(text(name) == kind_of(value)))
    }),
    ("deepEqual", |_, args| {
        let [a, b] = exactly(args)?;
        Ok(Value::Bool(a == b))
    }),
];

fn stub(_: &Bridge, args: &[Value]) -> Result<Value> {
    exactly::<0>(args)?;
    Ok(string(""))
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::List(_) => "[]interface {}",
        Value::Map(_) => "map[string]interface {}",
        other => other.type_name(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Int(_) => "int64",
        Value::Uint(_) => "uint64",
        Value::List(_) => "slice",
        other => other.type_name(),
    }
}
