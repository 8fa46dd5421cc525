//! Tokens: what the lexer hands to the parser.

use crate::ast::{CommentKind, Span};

/// The kind of a token. Its text is a slice of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Explain,
    Select,
    Let,
    From,
    Where,
    GroupBy,
    OrderBy,
    Desc,
    Limit,
    As,
    /// `AND` or `&&`.
    And,
    /// `OR` or a run of `|`.
    Or,
    Not,
    In,
    Null,
    True,
    False,
    Number,
    Ident,
    /// A `-` directly before a name.
    NegIdent,
    /// `'…'` or `"…"`.
    String,
    /// `'''…'''`.
    RawString,
    LtGt,
    Ne,
    Le,
    Ge,
    Arrow,
    Match,
    Minus,
    Plus,
    Colon,
    Star,
    Slash,
    Percent,
    Comma,
    Dot,
    OpenParen,
    CloseParen,
    Eq,
    Lt,
    Gt,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    /// An error the lexer has already reported.
    Error,
    /// The end of the text; always the last token, and only there.
    End,
}

impl TokenKind {
    /// True for words that cannot be names without backticks.
    pub(crate) fn is_keyword(self) -> bool {
        use TokenKind::*;
        matches!(
            self,
            Explain
                | Select
                | Let
                | From
                | Where
                | GroupBy
                | OrderBy
                | Desc
                | Limit
                | As
                | And
                | Or
                | Not
                | In
                | Null
                | True
                | False
        )
    }

    /// True where an expression can start.
    pub(crate) fn starts_value(self) -> bool {
        use TokenKind::*;
        matches!(
            self,
            Null | True | False | Number | Ident | NegIdent | String | RawString | OpenParen
        )
    }

    /// True where a statement can start.
    pub(crate) fn starts_statement(self) -> bool {
        matches!(self, TokenKind::Let | TokenKind::Select | TokenKind::Explain)
    }
}

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// A comment, and the index of the token that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommentToken {
    pub(crate) kind: CommentKind,
    pub(crate) span: Span,
    pub(crate) before: usize,
}
