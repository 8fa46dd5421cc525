//! What all objects of one `parse_binary()` share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use peregrine_engine::prelude::{Dict, Scope, Value};

use super::data::Data;
use super::kind::{Expr, Number, Profile};
use super::structure::Structure;

/// The work that one root object may cause, counted in reads of a number: a few seconds. Test builds are ten
/// times slower.
const BUDGET: i64 = if cfg!(debug_assertions) { 2 << 20 } else { 32 << 20 };
/// The cost of a lambda.
const LAMBDA: i64 = 16;
/// Amount of work after which the query is checked for its end.
const WORK_BETWEEN_CHECKS: i64 = 1 << 10;

/// Data and profile, variables for lambdas, and the budget.
#[derive(Debug)]
pub(crate) struct Session {
    pub(super) data: Data,
    pub(super) profile: Arc<Profile>,
    env: Option<Dict>,
    left: AtomicI64,
    is_over: AtomicBool,
}

impl Session {
    pub(crate) fn new(data: Data, profile: Arc<Profile>, env: Option<Dict>) -> Session {
        Session {
            data,
            profile,
            env,
            left: AtomicI64::new(BUDGET),
            is_over: AtomicBool::new(false),
        }
    }

    /// Takes work from the budget; false when the budget is used up or the query ends.
    pub(super) fn charge(&self, scope: &Scope, work: i64) -> bool {
        let before = self.left.fetch_sub(work, Ordering::Relaxed);
        if before / WORK_BETWEEN_CHECKS != (before - work) / WORK_BETWEEN_CHECKS
            && scope.checkpoint().is_err()
        {
            self.is_over.store(true, Ordering::Relaxed);
        }
        if before > work {
            return !self.is_over.load(Ordering::Relaxed);
        }
        self.left.store(0, Ordering::Relaxed);
        if !self.is_over.swap(true, Ordering::Relaxed) {
            scope.log_line(
                "ERROR:parse_binary: the structure is too large to be read from one object; the rest of it is NULL. \
                 Parse it in parts with `offset`",
            );
        }
        false
    }

    /// The value of a lambda for a structure.
    pub(super) fn evaluate(&self, scope: &Scope, expr: &Expr, argument: Value, this: &Structure) -> Value {
        if !self.charge(scope, LAMBDA) {
            return Value::Null;
        }
        let with_env = self.env.as_ref().map(|env| scope.child_with(env.clone()));
        let scope = with_env.as_ref().unwrap_or(scope);
        let with_this = expr
            .uses_this
            .then(|| scope.child_with(Dict::from_pairs([("this", this.to_value())])));
        let scope = with_this.as_ref().unwrap_or(scope);
        expr.lambda.call(scope, &[argument]).reduce(scope)
    }

    /// A fixed or computed number; `None` when the lambda does not return a number.
    pub(super) fn number(&self, scope: &Scope, number: &Number, this: &Structure) -> Option<i64> {
        match number {
            Number::Fixed(number) => Some(*number),
            Number::Computed(expr) => self.evaluate(scope, expr, this.to_value(), this).as_i64(),
        }
    }
}

/// A number for the current thread, never 0, which reveals that a value depends on itself.
pub(super) fn thread_number() -> u64 {
    use std::sync::atomic::AtomicU64;
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local!(static OWN: u64 = NEXT.fetch_add(1, Ordering::Relaxed));
    OWN.with(|own| *own)
}
