//! Argument expressions as values to evaluate later.

use std::sync::Arc;

use super::expr::eval;
use super::node::Node;
use crate::call::CallArgs;
use crate::query::Thunk;
use crate::scope::Scope;
use crate::value::Value;

/// An expression of the query text, evaluated in the scope it is given.
pub(crate) struct ExprThunk {
    pub(crate) node: Arc<Node>,
    pub(crate) text: Arc<str>,
}

impl Thunk for ExprThunk {
    fn force(&self, scope: &Scope) -> Value {
        eval(&self.node, scope)
    }

    fn call(&self, scope: &Scope, _: &CallArgs<'_>) -> Value {
        eval(&self.node, scope)
    }

    fn text(&self) -> String {
        self.text.to_string()
    }
}
