//! The syntax tree. It keeps what the canonical print needs (literals and names as typed) and what
//! diagnostics need (spans). Comments are attached to the node they precede, for the formatter.

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

/// A name where it is defined or used as a single word: alias, LET name, parameter, argument, `.member`.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    /// The name itself: backticks removed and, where the language does so, escapes decoded.
    pub text: Arc<str>,
    /// The name as typed, with backticks.
    pub source: Arc<str>,
    /// Its place in the source.
    pub span: Span,
}

/// A query text: one or more statements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct File {
    /// In source order.
    pub statements: Vec<Statement>,
}

/// `LET …` or `SELECT …`, with the comments before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Comments before the statement.
    pub comments: Vec<Comment>,
    /// `LET` or `SELECT`.
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
    /// The name it binds.
    pub name: Name,
    /// `None`: no parentheses at all. `Some(vec![])`: an empty parameter list.
    pub params: Option<Vec<Param>>,
    /// True for `<=`, which evaluates at once.
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
    /// Comments before it.
    pub comments: Vec<Comment>,
    /// The parameter's name.
    pub name: Name,
    /// `name=default`.
    pub default: Option<ArgValue>,
}

/// `SELECT … FROM …` with its clauses.
#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    /// Comments between the opening brace of a sub-query and its SELECT; those of a statement are in
    /// [`Statement`].
    pub comments: Vec<Comment>,
    /// True if `EXPLAIN` comes first, at least once.
    pub explain: bool,
    /// True if the first column is `*`.
    pub star: bool,
    /// The columns after the leading star, in source order.
    pub columns: Vec<Column>,
    /// The source of the rows.
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
    /// Comments before it.
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
    /// `None` without parentheses.
    pub args: Option<Vec<Arg>>,
    /// The whole source.
    pub span: Span,
}

/// `ORDER BY name [DESC]`.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// The output column.
    pub column: Name,
    /// True for `DESC`.
    pub descending: bool,
}

/// `LIMIT n`.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The number of rows.
    pub rows: i64,
    /// Its place in the source.
    pub span: Span,
}

/// `name=value` in a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Arg {
    /// Comments before it.
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

/// `a, b, c`: a single element without a comma is that element, anything with a comma is an array.
#[derive(Debug, Clone, PartialEq)]
pub struct List {
    /// The elements that count (an empty slot ends the list; in `(1, 2 3)` the last of a slot counts).
    pub items: Vec<Expr>,
    /// True if a comma follows the last element, or the list ended in an empty slot: then it is always an
    /// array.
    pub trailing_comma: bool,
    /// Comments after the trailing comma.
    pub trailing_comments: Vec<Comment>,
    /// The whole list.
    pub span: Span,
}

impl List {
    /// True when the list denotes an array rather than its only element.
    #[must_use]
    pub fn is_array(&self) -> bool {
        self.trailing_comma || self.items.len() != 1
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Comments before its first token.
    pub comments: Vec<Comment>,
    /// The form of the expression.
    pub kind: ExprKind,
    /// Its place in the source.
    pub span: Span,
}

/// A logical operator, as typed: `AND` and `&&` give different values.
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
    /// `<>`: is accepted, and is always false.
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

/// The forms of an expression. Chains of binary operators are kept flat, so that only nesting makes deep
/// trees, which the parser bounds.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `a AND b AND c`; at least one operator.
    And(Box<Expr>, Vec<(LogicOp, Expr)>),
    /// `a OR b OR c`; at least one operator.
    Or(Box<Expr>, Vec<(LogicOp, Expr)>),
    /// `NOT a`.
    Not(Box<Expr>),
    /// `a < b`. A longer chain uses its first operand, last operator and last operand.
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
    /// True for a `-` directly before the first part.
    pub negated: bool,
    /// The dotted name, at least one part; text literal, no escapes decoded.
    pub path: Vec<Name>,
    /// `None` if it is not called. `f(a=1)(b=2)` is one call with both arguments.
    pub args: Option<Vec<Arg>>,
}

/// A string literal.
#[derive(Debug, Clone, PartialEq)]
pub struct StrLit {
    /// The bytes it denotes; VQL strings need not be UTF-8.
    pub value: Arc<[u8]>,
    /// As typed, with quotes.
    pub source: Arc<str>,
}

/// A number literal.
#[derive(Debug, Clone, PartialEq)]
pub struct NumLit {
    /// The number it denotes.
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
