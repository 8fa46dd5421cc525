//! Operators that evaluate their operands in turn: written once, for expressions in a scope ([`super::expr`]) and for
//! those bound to a row ([`super::bound`]). How an operand is evaluated is the caller's; everything is inlined there.

use peregrine_vql::ast::ArithmeticOp;

use super::arith;
use crate::scope::Scope;
use crate::value::Value;

/// `a AND b`: FALSE from the first operand that is not true on; else TRUE, or the last operand's value.
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

/// `a OR b`: the first operand that is true, one after the first as TRUE unless its flag says to keep the value; else
/// the last one.
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

/// `a + b - c`, from the left.
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
