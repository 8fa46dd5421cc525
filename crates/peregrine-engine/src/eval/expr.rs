//! Evaluation of expressions.

use peregrine_vql::ast::CompareOp;

use super::node::{Node, Step, SymbolNode};
use super::{call, compare, matching, operators};
use crate::query::Query;
use crate::scope::Scope;
use crate::value::Value;

/// The value of an expression; never lazy. Errors are messages and NULL.
pub(crate) fn eval(node: &Node, scope: &Scope) -> Value {
    match node {
        Node::Const(value) => value.clone(),
        Node::Symbol(symbol) => eval_symbol(symbol, scope),
        Node::And { operands, keep_last } => {
            operators::and(scope, operands, *keep_last, |operand| eval(operand, scope))
        }
        Node::Or { first, rest } => {
            let rest = rest.iter().map(|(keep, operand)| (*keep, operand));
            operators::or(scope, &**first, rest, |operand| eval(operand, scope))
        }
        Node::Not(_) | Node::Compare { .. } | Node::Match(_) => Value::Bool(eval_truth(node, scope)),
        Node::Arithmetic { first, rest } => {
            let rest = rest.iter().map(|(op, operand)| (*op, operand));
            operators::arithmetic(scope, &**first, rest, |operand| eval(operand, scope))
        }
        Node::Call(call) => call::eval_call(call, scope),
        Node::Access { base, steps } => eval_access(eval(base, scope), steps, scope),
        Node::Array(items) => Value::array(items.iter().map(|item| eval(item, scope)).collect()),
        Node::Query(query) => Value::Query(Query::clone(query)),
        Node::Unparsable(source) => {
            scope.log_line(&format!("ERROR:Unable to parse {source} as a number."));
            Value::Null
        }
    }
}

/// The truth of an expression, without building a value where that can be avoided.
pub(crate) fn eval_truth(node: &Node, scope: &Scope) -> bool {
    match node {
        Node::Compare { op, left, right } => {
            let (left, right) = (eval(left, scope), eval(right, scope));
            compare_op(*op, scope, &left, &right)
        }
        Node::And {
            operands,
            keep_last: false,
        } => operands.iter().all(|operand| eval_truth(operand, scope)),
        Node::Not(inner) => !eval_truth(inner, scope),
        Node::Match(node) => matching::eval_match(node, scope),
        other => eval(other, scope).truth(scope),
    }
}

#[inline]
pub(super) fn compare_op(op: CompareOp, scope: &Scope, left: &Value, right: &Value) -> bool {
    match op {
        CompareOp::Eq => compare::equal(scope, left, right),
        CompareOp::Ne => !compare::equal(scope, left, right),
        CompareOp::LtGt => false,
        CompareOp::Lt => compare::less(scope, left, right),
        CompareOp::Le => compare::less(scope, left, right) || compare::equal(scope, left, right),
        CompareOp::Gt => compare::greater(scope, left, right),
        CompareOp::Ge => compare::greater(scope, left, right) || compare::equal(scope, left, right),
        CompareOp::In => compare::contains(scope, left, right),
        CompareOp::Match => matching::matches(scope, left, right),
    }
}

fn eval_symbol(symbol: &SymbolNode, scope: &Scope) -> Value {
    let Some(value) = scope.lookup(&symbol.name, &symbol.cache) else {
        not_found(symbol, scope);
        return Value::Null;
    };
    let value = members(value.reduce(scope), &symbol.members, scope).unwrap_or_default();
    if symbol.negated { negate(value) } else { value }
}

/// `value.a.b`; `None` when a member is missing.
pub(crate) fn members(value: Value, members: &[crate::value::Str], scope: &Scope) -> Option<Value> {
    let mut value = value;
    for name in members {
        value = value.member(scope, name)?.reduce(scope);
    }
    Some(value)
}

/// Logs that a name does not exist: for the first two rows only.
pub(crate) fn not_found(symbol: &SymbolNode, scope: &Scope) {
    if scope.has_silent_row() {
        return;
    }
    let Some(end) = scope.end_of_message(symbol.site) else {
        return;
    };
    let layers = scope.describe_layers();
    if symbol.members.is_empty() {
        let why = scope
            .context()
            .registry()
            .why_unknown(&symbol.name.as_utf8_lossy());
        scope.log_line(&format!(
            "ERROR:Symbol {} not found{why}. Current Scope is {layers}{end}",
            symbol.text
        ));
    } else {
        let first = if symbol.negated {
            format!("-{}", symbol.name)
        } else {
            symbol.name.to_string()
        };
        let text = &symbol.text;
        scope.log_line(&format!(
            "ERROR:While resolving {text} Symbol {first} not found. Current Scope is {layers}{end}"
        ));
    }
}

/// `-name`
pub(crate) fn negate(value: Value) -> Value {
    match value {
        Value::Bool(value) => Value::Bool(!value),
        Value::Int(value) => Value::Int(value.wrapping_neg()),
        Value::UInt(value) => Value::Int((value as i64).wrapping_neg()),
        Value::Float(value) => Value::Float(-value),
        _ => Value::Null,
    }
}

fn eval_access(base: Value, steps: &[Step], scope: &Scope) -> Value {
    let mut value = base;
    for step in steps {
        let next = match step {
            Step::Member(name) => value.member(scope, name),
            Step::Index(index) => value.index(scope, &eval(index, scope)),
            Step::Nothing => None,
            Step::Slice(from, to) => eval_slice(&value, from.as_ref(), to.as_ref(), scope),
        };
        match next {
            Some(next) => value = next.reduce(scope),
            None => return Value::Null,
        }
    }
    value
}

/// `None` when a bound is neither a number nor a bool.
fn eval_slice(value: &Value, from: Option<&Node>, to: Option<&Node>, scope: &Scope) -> Option<Value> {
    let bound = |node: Option<&Node>| match node {
        None => Some(None),
        Some(node) => eval(node, scope).as_i64().map(Some),
    };
    Some(value.slice(bound(from)?, bound(to)?))
}
