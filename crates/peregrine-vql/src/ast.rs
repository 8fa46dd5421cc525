//! The syntax tree. It keeps what the canonical print needs (literals and names as typed) and what diagnostics
//! need (spans); comments are kept beside the node they precede, for the formatter.

use std::sync::Arc;

pub mod visit;

/// A half-open byte range of the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

/// How a comment was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentKind {
    /// `-- …` or `// …`, up to the end of the line.
    Line,
    /// `/* … */`.
    Block,
}

/// A comment with its delimiters, as typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// How it was written.
    pub kind: CommentKind,
    /// The text including its delimiters, without the line end.
    pub text: Arc<str>,
}

/// A name at a place where it is defined or used as one word: alias, LET name, parameter, argument, `.member`.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The name itself: backticks removed and, where the language does so, escapes decoded.
    pub text: Arc<str>,
    /// The name as typed, with backticks.
    pub source: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// A whole query text: one or more statements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// In source order.
    pub statements: Vec<Statement>,
}

/// `LET …` or `SELECT …`, with the comments before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Comments standing before the statement.
    pub comments: Vec<Comment>,
    /// What it is.
    pub kind: StatementKind,
    /// The whole statement.
    pub span: Span,
}

/// The two kinds of statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// `LET name(…) = …`
    Let(Let),
    /// `SELECT …`
    Select(Arc<Select>),
}

/// `LET name(params) = body` or `<=`.
#[derive(Debug, Clone, PartialEq)]
pub struct Let {
    /// The name bound.
    pub name: Name,
    /// `None`: no parentheses at all. `Some(vec![])`: an empty parameter list.
    pub params: Option<Vec<Param>>,
    /// True for `<=`: evaluate now.
    pub materialize: bool,
    /// What the name is bound to.
    pub body: LetBody,
}

/// What follows the operator of a LET.
#[derive(Debug, Clone, PartialEq)]
pub enum LetBody {
    /// A stored query.
    Query(Arc<Select>),
    /// An expression.
    Expr(Arc<Expr>),
}

/// A parameter of a LET function, with its default if it has one.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Comments standing before it.
    pub comments: Vec<Comment>,
    /// The parameter's name.
    pub name: Name,
    /// `name=default`.
    pub default: Option<ArgValue>,
}

/// `SELECT … FROM …` with its clauses.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// Comments between the opening brace and the SELECT of a sub-query; those of a statement are in [`Statement`].
    pub comments: Vec<Comment>,
    /// At least one `EXPLAIN` stands in front.
    pub explain: bool,
    /// A `*` in first position.
    pub star: bool,
    /// The columns after the leading star, in source order.
    pub columns: Vec<Column>,
    /// Where rows come from.
    pub from: Source,
    /// `WHERE`.
    pub filter: Option<List>,
    /// `GROUP BY`.
    pub group_by: Option<List>,
    /// `ORDER BY`.
    pub order_by: Option<OrderBy>,
    /// `LIMIT`, as its number.
    pub limit: Option<Limit>,
    /// From `SELECT` (or `EXPLAIN`) to the end.
    pub span: Span,
}

/// One output column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Comments standing before it.
    pub comments: Vec<Comment>,
    /// What it computes.
    pub kind: ColumnKind,
    /// `AS name`.
    pub alias: Option<Name>,
    /// The whole column, with its alias.
    pub span: Span,
}

/// What a column computes.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnKind {
    /// `*` after the first position.
    Star,
    /// `{ SELECT … }`.
    Query(Arc<Select>),
    /// An expression.
    Expr(Arc<Expr>),
}

/// `FROM name.member(args)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// The dotted name, at least one part. Text is literal (no escapes decoded).
    pub path: Vec<Name>,
    /// `None`: no parentheses.
    pub args: Option<Vec<Arg>>,
    /// The whole source.
    pub span: Span,
}

/// `ORDER BY name [DESC]`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// The output column.
    pub column: Name,
    /// Descending.
    pub descending: bool,
}

/// `LIMIT n`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The number of rows.
    pub rows: i64,
    /// Where the number stands.
    pub span: Span,
}

/// `name=value` in a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// Comments standing before it.
    pub comments: Vec<Comment>,
    /// The argument's name.
    pub name: Name,
    /// Its value.
    pub value: ArgValue,
}

/// The three forms of an argument's value.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgValue {
    /// `{ SELECT … }`: passed as a query.
    Query(Arc<Select>),
    /// `[a, b]`: evaluated before the call. `None`: `[]`.
    Array(Option<List>),
    /// An expression.
    Expr(Arc<Expr>),
}

/// `a, b, c`: one element without a comma stands for itself, anything with a comma is an array.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The elements that count (an empty slot ends the value; in `(1, 2 3)` the last of a slot counts).
    pub items: Vec<Expr>,
    /// A comma follows the last element, or the list ended in an empty slot: always an array.
    pub trailing_comma: bool,
    /// Comments after the trailing comma.
    pub trailing_comments: Vec<Comment>,
    /// The whole list.
    pub span: Span,
}

impl List {
    /// True when the list denotes an array and not merely its only element.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.trailing_comma || self.items.len() != 1
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Comments standing before its first token.
    pub comments: Vec<Comment>,
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// `AND` and `&&` differ in the value they give.
#[derive(Debug, Clone, PartialEq)]
pub struct LogicOp {
    /// As typed: `AND`, `and`, `&&`, `OR`, `||`, `|` …
    pub source: Arc<str>,
}

/// `+ - * /`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArithmeticOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
}

/// The comparison operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<>`: parses, and is always false.
    LtGt,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `IN`
    In,
    /// `=~`
    Match,
}

/// The forms of an expression. Binary chains are kept flat, so that deep trees come only from nesting, which the
/// parser bounds.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `a AND b AND c`; at least one operator.
    And(Box<Expr>, Vec<(LogicOp, Expr)>),
    /// `a OR b OR c`; at least one operator.
    Or(Box<Expr>, Vec<(LogicOp, Expr)>),
    /// `NOT a`.
    Not(Box<Expr>),
    /// `a < b`. A longer chain means first operand, last operator, last operand.
    Compare(Box<Expr>, CompareOp, Box<Expr>),
    /// `a + b - c` or `a * b / c`, left associative; at least one operator, all of one precedence.
    Arithmetic(Box<Expr>, Vec<(ArithmeticOp, Expr)>),
    /// `x[i]`, `x[a:b]`, `x.name`, applied left to right; at least one step.
    Access(Box<Expr>, Vec<AccessStep>),
    /// A name or call.
    Symbol(Symbol),
    /// `( list )`.
    Paren(List),
    /// A string literal.
    Str(StrLit),
    /// A number literal.
    Number(NumLit),
    /// `TRUE` or `FALSE`.
    Bool {
        /// Its value.
        value: bool,
        /// As typed.
        source: Arc<str>,
    },
    /// `NULL`.
    Null,
}

/// One step of an [`ExprKind::Access`].
#[derive(Debug, Clone, PartialEq)]
pub enum AccessStep {
    /// `[i]`; `None` for `[]`, which is NULL.
    Index(Option<Expr>),
    /// `[a:b]`, both optional.
    Slice(Option<Expr>, Option<Expr>),
    /// `.name`.
    Member(Name),
}

/// `a.b.c` or `f.g(x=1)`, possibly negated (`-name`).
#[derive(Debug, Clone, PartialEq)]
pub struct Symbol {
    /// A `-` glued to the first part.
    pub negated: bool,
    /// The dotted name, at least one part; text literal, no escapes decoded.
    pub path: Vec<Name>,
    /// `None`: not called. `f(a=1)(b=2)` is one call with both arguments.
    pub args: Option<Vec<Arg>>,
}

/// A string literal.
#[derive(Debug, Clone, PartialEq)]
pub struct StrLit {
    /// The bytes it stands for; VQL strings need not be UTF-8.
    pub value: Arc<[u8]>,
    /// As typed, with quotes.
    pub source: Arc<str>,
}

/// A number literal.
#[derive(Debug, Clone, PartialEq)]
pub struct NumLit {
    /// What it stands for.
    pub value: Number,
    /// As typed.
    pub source: Arc<str>,
}

/// The value of a number literal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// 64-bit signed.
    Int(i64),
    /// Double precision.
    Float(f64),
    /// Neither (`0xFFFFFFFFFFFFFFFF`): NULL with a message at each evaluation.
    Unparsable,
}

/// `x => expr`, found inside string arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Lambda {
    /// At least one parameter.
    pub params: Vec<Name>,
    /// The body.
    pub body: Arc<Expr>,
}
