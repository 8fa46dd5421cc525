//! Operators that evaluate their operands in turn. They are written once, for expressions in a scope
//! ([`super::expr`]) and for those bound to a row ([`super::bound`]); the caller decides how an operand is
//! evaluated, and everything is inlined.

use peregrine_vql::ast::ArithmeticOp;

use super::arith;
use crate::scope::Scope;
use crate::value::Value;

/// `a AND b`: FALSE if an operand is not true, and later ones are not evaluated; otherwise TRUE or the last
/// operand's value.
#[inline(always)]
pub(super) fn and<O>(
    scope: &Scope,
    operands: impl IntoIterator<Item = O>,
    keep_last: bool,
    mut value: impl FnMut(O) -> Value,
) -> Value {
    let mut last = Value::Null;
    for operand in operands {
        last = value(operand);
        if !last.truth(scope) {
            return Value::Bool(false);
        }
    }
    if keep_last { last } else { Value::Bool(true) }
}

/// `a OR b`: the first true operand (one after the first as TRUE unless its flag says to keep the value),
/// otherwise the last one.
#[inline(always)]
pub(super) fn or<O>(
    scope: &Scope,
    first: O,
    rest: impl IntoIterator<Item = (bool, O)>,
    mut value: impl FnMut(O) -> Value,
) -> Value {
    let mut last = value(first);
    if last.truth(scope) {
        return last;
    }
    for (keep_value, operand) in rest {
        last = value(operand);
        if last.truth(scope) {
            return if keep_value { last } else { Value::Bool(true) };
        }
    }
    last
}

/// `a + b - c`, from left to right.
#[inline(always)]
pub(super) fn arithmetic<O>(
    scope: &Scope,
    first: O,
    rest: impl IntoIterator<Item = (ArithmeticOp, O)>,
    mut value: impl FnMut(O) -> Value,
) -> Value {
    let mut left = value(first);
    for (op, operand) in rest {
        let right = value(operand);
        left = arith::apply(op, scope, left, right);
    }
    left
}
