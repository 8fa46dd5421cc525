//! The executable tree a query is compiled to.

use std::sync::{Arc, OnceLock};

use peregrine_vql::ast::{ArithmeticOp, CompareOp};

use super::select::SelectNode;
use crate::call::{ArgValue, FunctionDef, PluginDef};
use crate::query::Query;
use crate::regex::Regex;
use crate::value::{PositionCache, Str, Value};

/// An expression.
pub(crate) enum Node {
    /// A literal, or a value computed at compile time.
    Const(Value),
    /// A number that cannot be parsed: NULL, with a message each time.
    Unparsable(Arc<str>),
    /// `a.b.c`
    Symbol(Box<SymbolNode>),
    /// `f(a=1)`
    Call(Box<CallNode>),
    /// True if all operands are; with `keep_last`, the last operand's value instead of TRUE.
    And { operands: Box<[Node]>, keep_last: bool },
    /// The first true operand; later ones become TRUE unless their flag says to keep the value.
    Or {
        first: Box<Node>,
        rest: Box<[(bool, Node)]>,
    },
    /// `NOT a`
    Not(Box<Node>),
    /// `a < b`
    Compare {
        op: CompareOp,
        left: Box<Node>,
        right: Box<Node>,
    },
    /// `a =~ b`
    Match(Box<MatchNode>),
    /// `a + b - c`
    Arithmetic {
        first: Box<Node>,
        rest: Box<[(ArithmeticOp, Node)]>,
    },
    /// `x[i]`, `x.name`
    Access { base: Box<Node>, steps: Box<[Step]> },
    /// `(a, b)`
    Array(Box<[Node]>),
    /// `{ SELECT … }` as an argument's value.
    Query(Query),
}

/// A name, perhaps with members, that is not called.
pub(crate) struct SymbolNode {
    /// `-name`
    pub(crate) negated: bool,
    pub(crate) name: Str,
    pub(crate) members: Box<[Str]>,
    /// The whole symbol as messages show it.
    pub(crate) text: Arc<str>,
    pub(crate) cache: PositionCache,
    /// Identifies the place, for messages that are logged once.
    pub(crate) site: u64,
}

impl SymbolNode {
    /// True for a name without members or sign.
    pub(crate) fn is_plain_name(&self) -> bool {
        !self.negated && self.members.is_empty()
    }
}

/// A call in an expression.
pub(crate) struct CallNode {
    pub(crate) symbol: SymbolNode,
    pub(crate) args: ArgsNode,
    /// Identifies the call site for aggregates.
    pub(crate) site: u64,
    /// The builtin of this name, with the id of the registry it was looked up in.
    pub(crate) function: OnceLock<(u64, Option<&'static FunctionDef>)>,
}

/// Arguments of a call.
pub(crate) struct ArgsNode {
    /// Name and value as a callee receives them.
    pub(crate) args: Box<[(Str, ArgValue)]>,
    /// The expressions of the arguments that are neither literals nor queries.
    pub(crate) nodes: Box<[Option<Arc<Node>>]>,
    /// The arguments written `[…]`, evaluated before the call.
    pub(crate) eager: Box<[(usize, Arc<Node>)]>,
    /// True if an argument is named `**`.
    pub(crate) expands: bool,
}

/// `a =~ b`
pub(crate) struct MatchNode {
    pub(crate) left: Node,
    pub(crate) right: Node,
    /// The compiled pattern, when it is a literal.
    pub(crate) regex: OnceLock<Option<Regex>>,
}

/// A step of an access.
pub(crate) enum Step {
    Index(Node),
    /// `[]`
    Nothing,
    Slice(Option<Node>, Option<Node>),
    Member(Str),
}

/// The source after FROM.
pub(crate) struct SourceNode {
    pub(crate) name: Str,
    pub(crate) members: Box<[Str]>,
    /// The dotted name as messages show it.
    pub(crate) text: Arc<str>,
    pub(crate) args: Option<ArgsNode>,
    /// Identifies the place, for messages that are logged once.
    pub(crate) site: u64,
    pub(crate) plugin: OnceLock<(u64, Option<&'static PluginDef>)>,
}

/// An output column.
pub(crate) struct ColumnNode {
    pub(crate) name: Str,
    pub(crate) kind: ColumnKind,
}

/// What a column computes.
pub(crate) enum ColumnKind {
    /// `*` after the first position.
    Star,
    /// `{ SELECT … }`
    Query(Arc<SelectNode>),
    /// An expression.
    Expr(Node),
}
