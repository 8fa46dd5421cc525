//! LET: stored expressions, stored queries, functions.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use super::expr::eval;
use super::materialize::materialize;
use super::node::Node;
use super::overflow;
use super::select::SelectNode;
use crate::aggregate::AggregateContext;
use crate::call::{ArgValue, CallArgs};
use crate::layer::Layer;
use crate::query::{Lazy, Query, QuerySource, RowSink, Stop, Thunk};
use crate::scope::Scope;
use crate::value::{Columns, Row, Str, Value};

/// A LET statement.
pub(crate) enum LetNode {
    /// `LET x = expr`
    Expr { materialize: bool, expr: Arc<LetExpr> },
    /// `LET x = SELECT …`
    Query { materialize: bool, query: Arc<LetQuery> },
}

/// A parameter with its default.
pub(crate) struct ParamNode {
    pub(crate) name: Str,
    pub(crate) default: Option<Arc<Node>>,
}

impl LetNode {
    /// Binds the name in `scope`.
    pub(crate) fn run(&self, scope: &Scope) {
        let (name, params, materializes) = match self {
            LetNode::Expr { materialize, expr } => (&expr.name, &expr.params, *materialize),
            LetNode::Query { materialize, query } => (&query.name, &query.params, *materialize),
        };
        if scope.context().registry().function(name).is_some() {
            scope.log_line(&format!(
                "WARN:LET expression is masking a built in function {name}"
            ));
        }
        if materializes && !params.is_empty() {
            scope.log_line(&format!(
                "WARN:Expression {name} takes parameters but is materialized! Did you mean to use '='? "
            ));
        }
        let value = match self {
            LetNode::Expr {
                materialize: false,
                expr,
            } => Value::Lazy(Lazy(expr.clone())),
            LetNode::Query {
                materialize: false,
                query,
            } => Value::Query(Query(query.clone())),
            LetNode::Expr { expr, .. } => match eval(&expr.body, scope) {
                Value::Query(query)
                    if query.rows_in_memory().is_none()
                        && !query.is_file_backed()
                        && !query.0.is_shared_stream() =>
                {
                    materialize(scope, &query, name)
                }
                value => value,
            },
            LetNode::Query { query, .. } => materialize(scope, &Query(query.clone()), name),
        };
        scope.push(Layer::Let(Arc::clone(name), value));
    }
}

/// A stored expression, perhaps with parameters.
pub(crate) struct LetExpr {
    name: Arc<str>,
    params: Arc<[ParamNode]>,
    body: Node,
    text: Arc<str>,
    /// The argument names of the first call; most calls of a function use the same ones.
    columns: OnceLock<Arc<Columns>>,
}

impl LetExpr {
    pub(crate) fn new(name: Arc<str>, params: Arc<[ParamNode]>, body: Node, text: Arc<str>) -> LetExpr {
        LetExpr {
            name,
            params,
            body,
            text,
            columns: OnceLock::new(),
        }
    }
}

impl Thunk for LetExpr {
    fn force(&self, scope: &Scope) -> Value {
        if let Node::Const(value) = &self.body {
            return value.clone();
        }
        if overflow(scope) {
            return Value::Null;
        }
        eval(&self.body, &scope.nest(Layer::None, 1))
    }

    fn call(&self, scope: &Scope, args: &CallArgs<'_>) -> Value {
        if overflow(scope) {
            return Value::Null;
        }
        let layer = parameters(&self.params, scope, args, Some(&self.columns));
        eval(&self.body, &call_scope(scope, layer))
    }

    fn constant(&self) -> Option<Value> {
        match &self.body {
            Node::Const(value) => Some(value.clone()),
            _ => None,
        }
    }

    fn text(&self) -> String {
        self.text.to_string()
    }
}

/// A stored query, perhaps with parameters.
#[derive(Clone)]
pub(crate) struct LetQuery {
    pub(crate) name: Arc<str>,
    pub(crate) params: Arc<[ParamNode]>,
    pub(crate) select: Arc<SelectNode>,
}

impl LetQuery {
    /// `q(n=1)` in an expression: the query with its arguments.
    pub(crate) fn bind(&self, scope: &Scope, args: &CallArgs<'_>) -> Value {
        let layer = parameters(&self.params, scope, args, None);
        Value::Query(Query::new(BoundQuery {
            query: self.clone(),
            layer,
        }))
    }

    /// `FROM q(n=1)`
    pub(crate) fn run_with(
        &self,
        scope: &Scope,
        args: &CallArgs<'_>,
        rows: &mut dyn RowSink,
    ) -> Result<(), Stop> {
        if overflow(scope) {
            return Ok(());
        }
        if !self.params.is_empty() {
            let declared = |name: &Str| self.params.iter().any(|param| param.name == *name);
            for name in args.names().filter(|name| !declared(name)) {
                scope.log_line(&format!(
                    "ERROR:Extra unrecognized arg {name} when calling {}",
                    self.name
                ));
            }
            for param in self.params.iter().filter(|param| param.default.is_none()) {
                if args.arg(&param.name.as_utf8_lossy()).is_none() {
                    scope.log_line(&format!(
                        "ERROR:Missing arg {} when calling {}",
                        param.name, self.name
                    ));
                }
            }
        }
        let listed: Vec<(Str, ArgValue)> = args
            .iter()
            .map(|arg| {
                let value = match arg.value() {
                    Value::Query(query) if matches!(arg.given(), ArgValue::Query(_)) => query.to_array(scope),
                    value => value,
                };
                (arg.name().clone(), ArgValue::Value(value))
            })
            .collect();
        let layer = parameters(&self.params, scope, &CallArgs::owned(scope, listed), None);
        self.select.run(&call_scope(scope, layer), rows)
    }
}

impl QuerySource for LetQuery {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        if overflow(scope) {
            return Ok(());
        }
        self.select.run(&scope.nest(Layer::None, 1), rows)
    }

    fn text(&self) -> String {
        self.select.text.to_string()
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

/// A stored query with its arguments.
struct BoundQuery {
    query: LetQuery,
    layer: Row,
}

impl QuerySource for BoundQuery {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        if overflow(scope) {
            return Ok(());
        }
        self.query
            .select
            .run(&call_scope(scope, self.layer.clone()), rows)
    }

    fn text(&self) -> String {
        self.query.text()
    }
}

/// The scope of a call: its parameters over the caller's scope, with fresh aggregates.
fn call_scope(scope: &Scope, layer: Row) -> Scope {
    let mut node = scope.node(Layer::Row(layer), 1);
    node.aggregates = Arc::<AggregateContext>::default();
    Scope(Arc::new(node))
}

/// Arguments, then defaults for those that are missing, as one layer.
fn parameters(
    params: &[ParamNode],
    scope: &Scope,
    args: &CallArgs<'_>,
    known: Option<&OnceLock<Arc<Columns>>>,
) -> Row {
    let mut names: Vec<Str> = Vec::with_capacity(args.len());
    let mut values: Vec<Value> = Vec::with_capacity(args.len());
    let mut bind = |name: &Str, value: Value| match names.iter().position(|known| known == name) {
        Some(position) => values[position] = value,
        None => {
            names.push(name.clone());
            values.push(value);
        }
    };
    for arg in args.iter() {
        bind(arg.name(), arg.value());
    }
    for param in params {
        if let Some(default) = &param.default
            && !args.names().any(|name| *name == param.name)
        {
            bind(&param.name, eval(default, scope));
        }
    }
    let columns = match known {
        Some(known) => {
            let first = known.get_or_init(|| Columns::new(names.iter().cloned()));
            if first.names() == names {
                Arc::clone(first)
            } else {
                Columns::new(names)
            }
        }
        None => Columns::new(names),
    };
    Row::new(&columns, values)
}
