//! Syntax tree to executable tree.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use peregrine_vql::ast::{
    AccessStep, Arg, ArgValue as AstArg, ArithmeticOp, Column, ColumnKind as AstColumn, CompareOp, Expr,
    ExprKind, Let, LetBody, List, LogicOp, Number, OrderBy, Param, Select, Source, Symbol,
};
use peregrine_vql::{column_name, print_expr, print_select};

use super::arith;
use super::lets::{LetExpr, LetNode, LetQuery, ParamNode};
use super::node::{
    ArgsNode, CallNode, ColumnKind, ColumnNode, MatchNode, Node, SourceNode, Step, SymbolNode,
};
use super::order::Order;
use super::select::{Aliases, SelectNode, SubQuery};
use super::thunk::ExprThunk;
use crate::call::ArgValue;
use crate::query::{Lazy, Query};
use crate::value::{PositionCache, Str, Value};

/// An expression.
pub(crate) fn expr(expr: &Expr) -> Node {
    match &expr.kind {
        ExprKind::And(first, rest) => Node::And {
            operands: std::iter::once(&**first)
                .chain(rest.iter().map(|(_, e)| e))
                .map(self::expr)
                .collect(),
            keep_last: rest.last().is_some_and(|(op, _)| &*op.source == "&&"),
        },
        ExprKind::Or(first, rest) => Node::Or {
            first: Box::new(self::expr(first)),
            rest: rest
                .iter()
                .map(|(op, e)| (keeps_value(op), self::expr(e)))
                .collect(),
        },
        ExprKind::Not(inner) => Node::Not(Box::new(self::expr(inner))),
        ExprKind::Compare(left, CompareOp::Match, right) => Node::Match(Box::new(MatchNode {
            left: self::expr(left),
            right: self::expr(right),
            regex: OnceLock::new(),
        })),
        ExprKind::Compare(left, op, right) => Node::Compare {
            op: *op,
            left: Box::new(self::expr(left)),
            right: Box::new(self::expr(right)),
        },
        ExprKind::Arithmetic(first, rest) => arithmetic(first, rest),
        ExprKind::Access(base, steps) => Node::Access {
            base: Box::new(self::expr(base)),
            steps: steps.iter().map(step).collect(),
        },
        ExprKind::Symbol(symbol) => self::symbol(symbol),
        ExprKind::Paren(list) => self::list(list),
        ExprKind::Str(literal) => Node::Const(Value::Str(Str::from(Arc::clone(&literal.value)))),
        ExprKind::Number(literal) => match literal.value {
            Number::Int(value) => Node::Const(Value::Int(value)),
            Number::Float(value) => Node::Const(Value::Float(value)),
            Number::Unparsable => Node::Unparsable(Arc::clone(&literal.source)),
        },
        ExprKind::Bool { value, .. } => Node::Const(Value::Bool(*value)),
        ExprKind::Null => Node::Const(Value::Null),
    }
}

/// A single element is itself; anything with a comma is an array.
pub(crate) fn list(list: &List) -> Node {
    match list.items.as_slice() {
        [single] if !list.is_array() => expr(single),
        items => Node::Array(items.iter().map(expr).collect()),
    }
}

/// A whole SELECT.
pub(crate) fn select(select: &Select) -> SelectNode {
    let columns: Vec<ColumnNode> = select.columns.iter().map(column).collect();
    let order = |order: &OrderBy| {
        let column = Str::from(&*order.column.text);
        if order.descending {
            Order::Descending(column)
        } else {
            Order::Ascending(column)
        }
    };
    SelectNode {
        star: select.star,
        aliases: Arc::new(Aliases::of(&columns)),
        columns: columns.into(),
        source: source(&select.from),
        filter: select.filter.as_ref().map(list),
        filter_text: select.filter.as_ref().map(print_list).unwrap_or_default().into(),
        group_by: select.group_by.as_ref().map(list),
        order_by: select.order_by.as_ref().map(order),
        limit: select.limit.as_ref().map(|limit| limit.rows),
        explain: select.explain,
        text: print_select(select).trim_end().into(),
    }
}

/// A LET statement.
pub(crate) fn let_statement(statement: &Let) -> LetNode {
    let params = statement
        .params
        .as_ref()
        .map(|params| params.iter().map(param).collect::<Vec<_>>());
    let name = Arc::clone(&statement.name.text);
    let declared: Arc<[ParamNode]> = params.unwrap_or_default().into();
    match &statement.body {
        LetBody::Query(query) => LetNode::Query {
            materialize: statement.materialize,
            query: Arc::new(LetQuery {
                name,
                params: declared,
                select: Arc::new(select(query)),
            }),
        },
        LetBody::Expr(body) => LetNode::Expr {
            materialize: statement.materialize,
            expr: Arc::new(LetExpr::new(name, declared, expr(body), print_expr(body).into())),
        },
    }
}

fn param(param: &Param) -> ParamNode {
    ParamNode {
        name: Str::from(&*param.name.text),
        default: param.default.as_ref().map(|default| Arc::new(arg_node(default))),
    }
}

/// The value of an argument as an expression.
fn arg_node(value: &AstArg) -> Node {
    match value {
        AstArg::Query(query) => Node::Query(sub_query(query)),
        AstArg::Array(None) => Node::Array(Box::default()),
        AstArg::Array(Some(items)) => list(items),
        AstArg::Expr(inner) => expr(inner),
    }
}

fn sub_query(query: &Select) -> Query {
    Query::new(SubQuery(Arc::new(select(query))))
}

fn arithmetic(first: &Expr, rest: &[(ArithmeticOp, Expr)]) -> Node {
    let mut left = expr(first);
    let mut pending: Vec<(ArithmeticOp, Node)> = Vec::new();
    for (op, operand) in rest {
        let right = expr(operand);
        // Numbers have no side effects and no messages, so they are folded as long as nothing else precedes
        // them.
        match (&left, &right) {
            (Node::Const(a), Node::Const(b)) if pending.is_empty() && is_number(a) && is_number(b) => {
                left = Node::Const(arith::numbers(*op, a, b));
            }
            _ => pending.push((*op, right)),
        }
    }
    if pending.is_empty() {
        return left;
    }
    Node::Arithmetic {
        first: Box::new(left),
        rest: pending.into(),
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Float(_))
}

fn keeps_value(op: &LogicOp) -> bool {
    &*op.source == "||"
}

fn step(step: &AccessStep) -> Step {
    match step {
        AccessStep::Index(Some(index)) => Step::Index(expr(index)),
        AccessStep::Index(None) => Step::Nothing,
        AccessStep::Slice(from, to) => Step::Slice(from.as_ref().map(expr), to.as_ref().map(expr)),
        AccessStep::Member(name) => Step::Member(Str::from(&*name.text)),
    }
}

fn symbol(symbol: &Symbol) -> Node {
    let (first, members) = match symbol.path.split_first() {
        Some((first, members)) => (Str::from(&*first.text), members),
        None => (Str::EMPTY, &[][..]),
    };
    let sign = if symbol.negated { "-" } else { "" };
    let node = SymbolNode {
        negated: symbol.negated,
        name: first,
        members: members.iter().map(|name| Str::from(&*name.text)).collect(),
        text: format!("{sign}{}", dotted(&symbol.path)).into(),
        cache: PositionCache::default(),
        site: next_site(),
    };
    match &symbol.args {
        None => Node::Symbol(Box::new(node)),
        Some(given) => Node::Call(Box::new(CallNode {
            symbol: node,
            args: args(given),
            site: next_site(),
            function: OnceLock::new(),
        })),
    }
}

fn dotted(path: &[peregrine_vql::ast::Name]) -> String {
    path.iter().map(|name| &*name.text).collect::<Vec<_>>().join(".")
}

fn next_site() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn args(given: &[Arg]) -> ArgsNode {
    let mut values = Vec::with_capacity(given.len());
    let mut eager = Vec::new();
    let mut nodes = Vec::with_capacity(given.len());
    for (i, arg) in given.iter().enumerate() {
        let node = arg_node(&arg.value);
        let mut expression = None;
        let value = match node {
            Node::Const(value) => ArgValue::Value(value),
            Node::Query(query) => ArgValue::Query(query),
            node => {
                let text = match &arg.value {
                    AstArg::Expr(inner) => print_expr(inner),
                    _ => String::from("[…]"),
                };
                let node = Arc::new(node);
                expression = Some(Arc::clone(&node));
                if matches!(arg.value, AstArg::Array(_)) {
                    eager.push((i, Arc::clone(&node)));
                }
                ArgValue::Expr(Lazy::new(ExprThunk {
                    node,
                    text: text.into(),
                }))
            }
        };
        values.push((Str::from(&*arg.name.text), value));
        nodes.push(expression);
    }
    ArgsNode {
        expands: values.iter().any(|(name, _)| name == "**"),
        args: values.into(),
        nodes: nodes.into(),
        eager: eager.into(),
    }
}

fn column(column: &Column) -> ColumnNode {
    ColumnNode {
        name: column
            .alias
            .as_ref()
            .map_or_else(|| column_name(column).into(), |alias| Str::from(&*alias.text)),
        kind: match &column.kind {
            // `* AS X` is NULL.
            AstColumn::Star if column.alias.is_some() => ColumnKind::Expr(Node::Const(Value::Null)),
            AstColumn::Star => ColumnKind::Star,
            AstColumn::Query(query) => ColumnKind::Query(Arc::new(select(query))),
            AstColumn::Expr(inner) => ColumnKind::Expr(expr(inner)),
        },
    }
}

fn source(source: &Source) -> SourceNode {
    let (first, members) = match source.path.split_first() {
        Some((first, members)) => (Str::from(&*first.text), members),
        None => (Str::EMPTY, &[][..]),
    };
    SourceNode {
        name: first,
        members: members.iter().map(|name| Str::from(&*name.text)).collect(),
        text: dotted(&source.path).into(),
        args: source.args.as_deref().map(args),
        site: next_site(),
        plugin: OnceLock::new(),
    }
}

fn print_list(list: &List) -> String {
    list.items.iter().map(print_expr).collect::<Vec<_>>().join(", ")
}
