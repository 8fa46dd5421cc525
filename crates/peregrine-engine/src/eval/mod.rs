//! Evaluation: the compiled tree and the pipeline of a SELECT.

mod arith;
mod bound;
mod call;
mod compare;
pub(crate) mod compile;
mod explain;
mod expr;
mod group;
mod lets;
mod matching;
mod materialize;
mod node;
mod operators;
mod order;
mod packed;
mod pipeline;
mod run_values;
mod runs;
mod select;
mod sort;
mod source;
mod spill;
mod thunk;

pub(crate) use self::compare::{equal, less};
pub(crate) use self::expr::eval;
pub(crate) use self::lets::LetNode;
pub(crate) use self::matching::matches;
pub(crate) use self::node::Node;
pub(crate) use self::pipeline::Cells;
pub(crate) use self::select::SelectNode;

use crate::log::Level;
use crate::scope::{MAX_DEPTH, Scope};

/// True (with a message) when scopes are nested too deeply. Also true, silently, once the query is cancelled,
/// so that a deep recursion unwinds quickly.
fn overflow(scope: &Scope) -> bool {
    if scope.is_stopping() {
        return true;
    }
    let too_deep = scope.0.depth >= MAX_DEPTH;
    if too_deep {
        let statement = scope.get_text("$Query").unwrap_or_default();
        scope.log(Level::Default, &format!("Stack Overflow: {statement}"));
    }
    too_deep
}
