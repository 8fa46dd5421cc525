//! Objects: values made by plugins, with members computed on demand.

use std::any::Any;
use std::fmt::Debug;

use super::{Str, Value};
use crate::call::{CallArgs, VqlResult};
use crate::query::RowSink;
use crate::scope::Scope;

/// The parts of an object, to be written to a temporary file of this process and rebuilt when that is read.
#[derive(Debug)]
pub struct Packed {
    /// The parts. Objects among them must be packable themselves.
    pub parts: Vec<Value>,
    /// Rebuilds the object from its parts; `None` when they do not fit. The same function for all objects of
    /// the type.
    pub unpack: fn(Vec<Value>) -> Option<Value>,
}

/// A value made by a plugin or function. Only the first three methods are required.
pub trait Object: Debug + Send + Sync {
    /// Its type in messages.
    fn type_name(&self) -> &'static str;

    /// `x.name`; `None` when there is no such member.
    fn member(&self, scope: &Scope, name: &str) -> Option<Value>;

    /// The value of a key, for objects that map keys to values: keys are bytes, and numbers are found by
    /// their text. `None` when there is no such key, and for other objects.
    fn entry(&self, _scope: &Scope, _key: &[u8]) -> Option<Value> {
        None
    }

    /// The members shown by `*`, `items()` and JSON.
    fn member_names(&self) -> Vec<Str>;

    /// True if, as a row, it gives NULL without a message for unknown members.
    fn is_silent(&self) -> bool {
        false
    }

    /// Its text: for `=~`, string arguments and `+` with strings.
    fn to_text(&self) -> Option<Str> {
        None
    }

    /// Its number, if it represents one: for arithmetic and comparison.
    fn to_number(&self) -> Option<i64> {
        None
    }

    /// A plain value to encode in JSON instead of its members.
    fn to_json(&self, _scope: &Scope) -> Option<Value> {
        None
    }

    /// Its parts, for sorts and groups that do not fit into memory. Without them, it comes back from a file
    /// as the plain value or dict that JSON has, and has no other members any more.
    fn packed(&self) -> Option<Packed> {
        None
    }

    /// `set(item=x, field=name, value=value)`; false if it cannot be changed.
    fn set(&self, _scope: &Scope, _name: &Str, _value: &Value) -> bool {
        false
    }

    /// `x[i]`.
    fn index(&self, _scope: &Scope, _index: i64) -> Option<Value> {
        None
    }

    /// The elements of a list-like object: for `foreach()`, `items()`, `len()` and list arguments.
    fn elements(&self, _scope: &Scope) -> Option<Vec<Value>> {
        None
    }

    /// `x[start:end]`; `None` if it cannot be sliced.
    fn slice(&self, _start: Option<i64>, _end: Option<i64>) -> Option<Value> {
        None
    }

    /// `x + other`; `None` if there is no rule.
    fn add(&self, _other: &Value) -> Option<Value> {
        None
    }

    /// Whether it counts as true; by default only list-like and text-like objects can.
    fn truth(&self) -> bool {
        false
    }

    /// `x = other`; `None` if there is no rule.
    fn equals(&self, _other: &Value) -> Option<bool> {
        None
    }

    /// `x < other`; `None` if there is no rule.
    fn less(&self, _other: &Value) -> Option<bool> {
        None
    }

    /// `x(a=1)` in an expression; `None` if it cannot be called.
    fn call(&self, _scope: &Scope, _args: &CallArgs<'_>) -> Option<VqlResult> {
        None
    }

    /// `FROM x(a=1)`; `None` if it is not a plugin.
    fn run(&self, _scope: &Scope, _args: &CallArgs<'_>, _rows: &mut dyn RowSink) -> Option<VqlResult<()>> {
        None
    }

    /// For downcasts.
    fn as_any(&self) -> &dyn Any;
}
