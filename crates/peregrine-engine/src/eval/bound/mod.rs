//! Expressions bound to rows of one shape.
//!
//! The rows of a source mostly have the same columns, and most expressions consist of columns, literals,
//! operators and functions that depend only on their arguments. Once bound to a list of columns, such an
//! expression reads names by position and needs no scope: no layer is pushed, no name looked up, no counter
//! shared between threads. It computes the same as [`eval`](crate::eval::eval) in a scope with the row; anything
//! that could differ is not bound (binding gives `None`) and is left to the scope.

pub(super) mod shape;

use std::sync::Arc;

use peregrine_vql::ast::{ArithmeticOp, CompareOp};

use crate::aggregate::AggregateContext;
use crate::call::{ArgValue, CallArgs, Direct, FunctionDef, FunctionKind, Tally};
use crate::eval::call::{counted, outcome, pure_function};
use crate::eval::node::{ArgsNode, CallNode, ColumnKind, Node, SymbolNode};
use crate::eval::select::SelectNode;
use crate::eval::{expr, matching, operators};
use crate::regex::Regex;
use crate::scope::Scope;
use crate::value::{Columns, PositionCache, Str, Value};

/// An expression over the values of a row.
pub(crate) enum Bound {
    Const(Value),
    Column(usize),
    Not(Box<Bound>),
    Negate(Box<Bound>),
    And(Box<[Bound]>, bool),
    Or(Box<Bound>, Box<[(bool, Bound)]>),
    Compare(CompareOp, Box<Bound>, Box<Bound>),
    /// A column compared with an int: the most frequent condition.
    CompareInt(CompareOp, usize, i64),
    Match(Box<Bound>, Regex),
    Arithmetic(Box<Bound>, Box<[(ArithmeticOp, Bound)]>),
    Array(Box<[Bound]>),
    Call(Box<BoundCall>),
}

/// A call whose arguments are bound.
pub(crate) struct BoundCall {
    def: &'static FunctionDef,
    site: u64,
    /// The arguments as the function receives them; the values of `computed` are replaced row by row.
    args: Vec<(Str, ArgValue)>,
    computed: Box<[(usize, Bound)]>,
    /// The aggregate's fast path, when the call has only its first argument.
    tally: Option<Tally>,
    /// The function's fast path, when the arguments are in declared order.
    direct: Option<Direct>,
}

/// Where aggregates keep their state.
pub(crate) enum States<'s> {
    /// In a context that others may use too.
    Shared(&'s AggregateContext),
    /// In a context used here only.
    Own(&'s mut AggregateContext),
}

/// What evaluation needs in addition to the row.
pub(crate) struct Surroundings<'s> {
    /// The scope outside the row, for messages and conversions.
    pub(crate) scope: &'s Scope,
    pub(crate) states: States<'s>,
    /// Number of functions called so far.
    pub(crate) calls: u64,
}

/// Binds expressions to the columns of a row.
pub(crate) struct Binder<'b> {
    pub(crate) columns: &'b Columns,
    pub(crate) outer: &'b Scope,
    /// Positions in the row that some bound expression reads.
    pub(crate) used: Vec<usize>,
    /// Whether aggregates may be called.
    pub(crate) allows_aggregates: bool,
}

impl Binder<'_> {
    /// An output column's expression.
    pub(crate) fn cell(&mut self, node: &Node) -> Option<Bound> {
        self.allows_aggregates = true;
        self.expression(node, None)
    }

    /// WHERE: sees the aliases of `select` before the row.
    pub(crate) fn filter(&mut self, node: &Node, select: &SelectNode) -> Option<Bound> {
        self.allows_aggregates = false;
        self.expression(node, Some(select))
    }

    fn expression(&mut self, node: &Node, aliases: Option<&SelectNode>) -> Option<Bound> {
        Some(match node {
            Node::Const(value) => Bound::Const(value.clone()),
            Node::Symbol(symbol) => self.symbol(symbol, aliases)?,
            Node::Not(inner) => Bound::Not(Box::new(self.expression(inner, aliases)?)),
            Node::And { operands, keep_last } => Bound::And(self.all(operands, aliases)?, *keep_last),
            Node::Or { first, rest } => {
                let first = Box::new(self.expression(first, aliases)?);
                let rest: Option<Box<[(bool, Bound)]>> = rest
                    .iter()
                    .map(|(keep, node)| Some((*keep, self.expression(node, aliases)?)))
                    .collect();
                Bound::Or(first, rest?)
            }
            Node::Compare { op, left, right } => {
                match (self.expression(left, aliases)?, self.expression(right, aliases)?) {
                    (Bound::Column(left), Bound::Const(Value::Int(right))) => {
                        Bound::CompareInt(*op, left, right)
                    }
                    (left, right) => Bound::Compare(*op, Box::new(left), Box::new(right)),
                }
            }
            Node::Match(node) => {
                let regex = matching::literal_regex(node)?;
                Bound::Match(Box::new(self.expression(&node.left, aliases)?), regex)
            }
            Node::Arithmetic { first, rest } => {
                let first = Box::new(self.expression(first, aliases)?);
                let rest: Option<Box<[(ArithmeticOp, Bound)]>> = rest
                    .iter()
                    .map(|(op, node)| Some((*op, self.expression(node, aliases)?)))
                    .collect();
                Bound::Arithmetic(first, rest?)
            }
            Node::Array(items) => Bound::Array(self.all(items, aliases)?),
            Node::Call(call) => self.call(call, aliases)?,
            Node::Access { .. } | Node::Query(_) | Node::Unparsable(_) => return None,
        })
    }

    fn all(&mut self, nodes: &[Node], aliases: Option<&SelectNode>) -> Option<Box<[Bound]>> {
        nodes.iter().map(|node| self.expression(node, aliases)).collect()
    }

    fn symbol(&mut self, symbol: &SymbolNode, aliases: Option<&SelectNode>) -> Option<Bound> {
        if !symbol.members.is_empty() {
            return None;
        }
        let name = symbol.name.as_bytes();
        let bound = match aliases.and_then(|select| select.alias(name)) {
            Some(column) => match &column.kind {
                // A cell is evaluated once per row; only expressions without calls may be evaluated again.
                ColumnKind::Expr(node) if !calls_something(node) => self.expression(node, None)?,
                _ => return None,
            },
            None => self.row_or_outer(name)?,
        };
        Some(if symbol.negated {
            Bound::Negate(Box::new(bound))
        } else {
            bound
        })
    }

    fn row_or_outer(&mut self, name: &[u8]) -> Option<Bound> {
        if let Some(position) = self.columns.answer_position(name) {
            if !self.used.contains(&position) {
                self.used.push(position);
            }
            return Some(Bound::Column(position));
        }
        if self.columns.is_member(name) {
            // Only the object behind each row knows its columns.
            return None;
        }
        // Layers below the row do not change while the query runs, but a lazy value might see the row.
        match self.outer.lookup(name, &PositionCache::default())? {
            Value::Lazy(lazy) => lazy.constant().map(Bound::Const),
            Value::Query(_) | Value::Scope(_) => None,
            value => Some(Bound::Const(value)),
        }
    }

    fn call(&mut self, call: &CallNode, aliases: Option<&SelectNode>) -> Option<Bound> {
        let def = pure_function(call, self.outer)?;
        if def.is_aggregate() && !self.allows_aggregates {
            return None;
        }
        let ArgsNode {
            args, nodes, expands, ..
        } = &call.args;
        if *expands {
            return None;
        }
        let mut computed = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            match (&args.get(position)?.1, node) {
                (ArgValue::Value(_), _) => {}
                (ArgValue::Expr(_), Some(node)) => computed.push((position, self.expression(node, aliases)?)),
                _ => return None,
            }
        }
        let bound = Bound::Call(Box::new(BoundCall {
            def,
            site: call.site,
            args: args.to_vec(),
            tally: tally(def, args, &computed),
            direct: def.direct.filter(|_| {
                args.len() <= def.args.len()
                    && args
                        .iter()
                        .zip(def.args)
                        .all(|((name, _), spec)| *name == spec.name)
            }),
            computed: computed.into(),
        }));
        Some(if call.symbol.negated {
            Bound::Negate(Box::new(bound))
        } else {
            bound
        })
    }
}

/// The fast path of an aggregate whose call has only its first argument.
fn tally(def: &FunctionDef, args: &[(Str, ArgValue)], computed: &[(usize, Bound)]) -> Option<Tally> {
    let is_first_only = match (args, computed) {
        ([], []) => true,
        ([(name, _)], [_]) => def.args.first().is_some_and(|first| *name == first.name),
        _ => false,
    };
    let takes_none = args.is_empty() && def.args.first().is_some_and(|first| first.required);
    def.tally.filter(|_| is_first_only && !takes_none)
}

/// True when evaluating the expression twice could be observed.
fn calls_something(node: &Node) -> bool {
    match node {
        Node::Const(_) | Node::Symbol(_) => false,
        Node::Not(inner) => calls_something(inner),
        Node::And { operands, .. } => operands.iter().any(calls_something),
        Node::Or { first, rest } => {
            calls_something(first) || rest.iter().any(|(_, node)| calls_something(node))
        }
        Node::Compare { left, right, .. } => calls_something(left) || calls_something(right),
        Node::Match(node) => calls_something(&node.left),
        Node::Arithmetic { first, rest } => {
            calls_something(first) || rest.iter().any(|(_, node)| calls_something(node))
        }
        Node::Array(items) => items.iter().any(calls_something),
        Node::Call(_) | Node::Access { .. } | Node::Query(_) | Node::Unparsable(_) => true,
    }
}

/// A borrowed value or a new one.
enum Operand<'v> {
    There(&'v Value),
    New(Value),
}

impl std::ops::Deref for Operand<'_> {
    type Target = Value;

    #[inline]
    fn deref(&self) -> &Value {
        match self {
            Operand::There(value) => value,
            Operand::New(value) => value,
        }
    }
}

impl Bound {
    /// True when it keeps state from row to row.
    pub(crate) fn has_aggregate(&self) -> bool {
        self.calls(&FunctionDef::is_aggregate)
    }

    /// True when it calls something, which may log a message.
    pub(crate) fn has_call(&self) -> bool {
        self.calls(&|_| true)
    }

    fn calls(&self, wanted: &dyn Fn(&FunctionDef) -> bool) -> bool {
        match self {
            Bound::Const(_) | Bound::Column(_) | Bound::CompareInt(..) => false,
            Bound::Not(inner) | Bound::Negate(inner) | Bound::Match(inner, _) => inner.calls(wanted),
            Bound::And(items, _) | Bound::Array(items) => items.iter().any(|item| item.calls(wanted)),
            Bound::Or(first, rest) => first.calls(wanted) || rest.iter().any(|(_, item)| item.calls(wanted)),
            Bound::Compare(_, left, right) => left.calls(wanted) || right.calls(wanted),
            Bound::Arithmetic(first, rest) => {
                first.calls(wanted) || rest.iter().any(|(_, item)| item.calls(wanted))
            }
            Bound::Call(call) => wanted(call.def) || call.computed.iter().any(|(_, arg)| arg.calls(wanted)),
        }
    }

    /// The value, when it is an int that is available without building a value.
    #[inline]
    pub(crate) fn int(&self, row: &[Value]) -> Option<i64> {
        match self {
            Bound::Column(position) => match row.get(*position) {
                Some(Value::Int(value)) => Some(*value),
                _ => None,
            },
            Bound::Const(Value::Int(value)) => Some(*value),
            Bound::Arithmetic(first, rest) => {
                let mut left = first.int(row)?;
                for (op, operand) in rest {
                    let right = operand.int(row)?;
                    left = match op {
                        ArithmeticOp::Add => left.wrapping_add(right),
                        ArithmeticOp::Sub => left.wrapping_sub(right),
                        ArithmeticOp::Mul => left.wrapping_mul(right),
                        ArithmeticOp::Div => return None,
                    };
                }
                Some(left)
            }
            _ => None,
        }
    }

    /// The value for this row.
    pub(crate) fn value(&mut self, row: &[Value], around: &mut Surroundings<'_>) -> Value {
        match self {
            Bound::Const(value) => value.clone(),
            Bound::Column(position) => row.get(*position).cloned().unwrap_or_default(),
            Bound::Arithmetic(..) => match self.int(row) {
                Some(value) => Value::Int(value),
                None => self.arithmetic(row, around),
            },
            Bound::Not(_)
            | Bound::Compare(..)
            | Bound::CompareInt(..)
            | Bound::Match(..)
            | Bound::And(_, false) => Value::Bool(self.truth(row, around)),
            Bound::Negate(inner) => expr::negate(inner.value(row, around)),
            Bound::And(operands, true) => {
                operators::and(around.scope, operands, true, |operand| operand.value(row, around))
            }
            Bound::Or(first, rest) => {
                let rest = rest.iter_mut().map(|(keep, operand)| (*keep, operand));
                operators::or(around.scope, &mut **first, rest, |operand| {
                    operand.value(row, around)
                })
            }
            Bound::Array(items) => {
                Value::array(items.iter_mut().map(|item| item.value(row, around)).collect())
            }
            Bound::Call(call) => call.value(row, around),
        }
    }

    /// Overwrites `place` with the value for this row, and reuses its memory if nobody else kept it.
    fn value_into(&mut self, row: &[Value], around: &mut Surroundings<'_>, last: &mut Value) {
        if let (Bound::Array(items), Value::Array(shared)) = (&mut *self, &mut *last)
            && let Some(values) = Arc::get_mut(shared)
            && values.len() == items.len()
        {
            for (item, value) in items.iter_mut().zip(values) {
                *value = item.value(row, around);
            }
            return;
        }
        *last = self.value(row, around);
    }

    /// The truth of the value for this row.
    #[inline]
    pub(crate) fn truth(&mut self, row: &[Value], around: &mut Surroundings<'_>) -> bool {
        match self {
            Bound::CompareInt(op, column, right) => match row.get(*column) {
                Some(Value::Int(left)) => compare_ints(*op, *left, *right),
                Some(left) => expr::compare_op(*op, around.scope, left, &Value::Int(*right)),
                None => false,
            },
            Bound::Compare(op, left, right) => {
                if let (Some(left), Some(right)) = (left.int(row), right.int(row)) {
                    return compare_ints(*op, left, right);
                }
                let left = left.operand(row, around);
                let right = right.operand(row, around);
                expr::compare_op(*op, around.scope, &left, &right)
            }
            Bound::And(operands, false) => operands.iter_mut().all(|operand| operand.truth(row, around)),
            Bound::Not(inner) => !inner.truth(row, around),
            Bound::Match(left, regex) => {
                let left = left.operand(row, around);
                matching::matches_regex(around.scope, &left, regex, 0)
            }
            other => other.operand(row, around).truth(around.scope),
        }
    }

    #[inline]
    fn operand<'v>(&'v mut self, row: &'v [Value], around: &mut Surroundings<'_>) -> Operand<'v> {
        match self {
            Bound::Const(value) => Operand::There(value),
            Bound::Column(position) => match row.get(*position) {
                Some(value) => Operand::There(value),
                None => Operand::New(Value::Null),
            },
            other => Operand::New(other.value(row, around)),
        }
    }

    fn arithmetic(&mut self, row: &[Value], around: &mut Surroundings<'_>) -> Value {
        let Bound::Arithmetic(first, rest) = self else {
            return Value::Null;
        };
        let rest = rest.iter_mut().map(|(op, operand)| (*op, operand));
        operators::arithmetic(around.scope, &mut **first, rest, |operand| {
            operand.value(row, around)
        })
    }
}

#[inline]
fn compare_ints(op: CompareOp, left: i64, right: i64) -> bool {
    match op {
        CompareOp::Eq => left == right,
        CompareOp::Ne => left != right,
        CompareOp::Lt => left < right,
        CompareOp::Le => left <= right,
        CompareOp::Gt => left > right,
        CompareOp::Ge => left >= right,
        CompareOp::LtGt | CompareOp::In | CompareOp::Match => false,
    }
}

impl BoundCall {
    fn value(&mut self, row: &[Value], around: &mut Surroundings<'_>) -> Value {
        around.calls += 1;
        if let Some(tally) = self.tally
            && let States::Own(states) = &mut around.states
        {
            let item = self.computed.first().map(|(_, bound)| bound.int(row));
            if let Some(item) = item.map_or(Some(0), |item| item) {
                return Value::Int(tally(states.state(self.site), item));
            }
        }
        for (position, bound) in &mut self.computed {
            match self.args.get_mut(*position) {
                Some((_, ArgValue::Value(last))) => bound.value_into(row, around, last),
                Some((_, arg)) => *arg = ArgValue::Value(bound.value(row, around)),
                None => {}
            }
        }
        if let Some(direct) = self.direct
            && let Some(value) = direct(around.scope, &self.args)
        {
            return counted(value);
        }
        let args = CallArgs::new(around.scope, &self.args);
        let result = match (self.def.kind, &mut around.states) {
            (FunctionKind::Plain(function), _) => function(&args),
            (FunctionKind::Aggregate(update), States::Own(states)) => update(states.state(self.site), &args),
            (FunctionKind::Aggregate(update), States::Shared(states)) => {
                let mut state = states.take(self.site);
                let result = update(&mut state, &args);
                states.put(self.site, state);
                result
            }
        };
        outcome(self.def, around.scope, result)
    }
}
