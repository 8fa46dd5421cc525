//! One layer of a scope.

use std::sync::Arc;

use crate::eval::Cells;
use crate::scope::Scope;
use crate::value::{Dict, PositionCache, Row, Str, Value};

/// A set of names of a scope.
#[derive(Clone)]
pub(crate) enum Layer {
    /// No layer.
    None,
    /// The oldest layer: `NULL`.
    Null,
    /// Host environment, dicts.
    Dict(Dict),
    /// A row, or the parameters of a call.
    Row(Row),
    /// One LET.
    Let(Arc<str>, Value),
    /// Output columns evaluated on demand, for WHERE.
    Cells(Arc<Cells>),
}

impl Layer {
    /// The value of a name in this layer. `scope` is the node that carries the layer.
    #[inline]
    pub(crate) fn lookup(&self, scope: &Scope, name: &[u8], cache: &PositionCache) -> Option<Value> {
        match self {
            Layer::None => None,
            Layer::Null => (name == b"NULL").then_some(Value::Null),
            Layer::Dict(dict) => dict.get_or_default(name),
            Layer::Row(row) => match row.as_value() {
                None => match row.resolve(name, cache) {
                    Some(value) => Some(value.clone()),
                    None => row.behind(scope, name),
                },
                Some(Value::Dict(dict)) => dict.get_or_default(name),
                // A row that is not a map: an array or NULL hides everything, other values hide nothing.
                Some(Value::Null) => Some(Value::Null),
                Some(value @ Value::Array(_)) => Some(value.member(scope, name).unwrap_or_default()),
                Some(value @ Value::Object(_)) => value.member(scope, name),
                Some(Value::Scope(inner)) => lookup_in_scope(inner, scope, name),
                Some(_) => None,
            },
            Layer::Let(known, value) => (known.as_bytes() == name).then(|| value.clone()),
            Layer::Cells(cells) => cells.get(scope, name),
        }
    }

    /// True for a row that gives NULL without a message for names it does not have.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self, Layer::Row(row) if row.is_silent())
    }

    /// Its names.
    pub(crate) fn names(&self) -> Vec<Str> {
        match self {
            Layer::None => Vec::new(),
            Layer::Null => vec![Str::from("NULL")],
            Layer::Dict(dict) => dict.keys(),
            Layer::Row(row) => row.columns().names().to_vec(),
            Layer::Let(name, _) => vec![Str::from(&**name)],
            Layer::Cells(cells) => cells.names(),
        }
    }

    /// `[a, b]`, or `None` for an empty layer.
    pub(crate) fn describe(&self) -> Option<String> {
        if matches!(self, Layer::None) {
            return None;
        }
        let names: Vec<String> = self.names().iter().map(Str::to_string).collect();
        Some(format!("[{}]", names.join(", ")))
    }
}

/// Looks up a name in a scope used as a row, as `scope()` makes it. Usually it is the scope just below: then
/// the search continues there by itself and must not branch, or nested queries would search forever.
fn lookup_in_scope(inner: &Scope, scope: &Scope, name: &[u8]) -> Option<Value> {
    if inner.is_below(scope) || scope.checkpoint().is_err() {
        return None;
    }
    crate::stack::grow(|| inner.lookup(name, &PositionCache::default()))
}
