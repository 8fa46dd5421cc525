//! The parser: recursive descent over the tokens, one function per grammar rule.
//!
//! Nesting is bounded by [`MAX_DEPTH`], and no rule backtracks, so time is linear in the text and the stack
//! is small. After an error, the parser continues at the next statement, to report several errors at once.

mod call;
mod expression;
mod hint;
mod select;
mod statement;

use std::sync::Arc;

use crate::ast::{Comment, File, Lambda, Name, Span};
use crate::diagnostic::{self, Diagnostic, Severity, code};
use crate::lexer::{MAX_DIAGNOSTICS, lex};
use crate::literal;
use crate::token::{CommentToken, Token, TokenKind};

/// Maximum combined nesting of parentheses, calls, sub-queries and NOT. Published queries stay below 20. The
/// deepest accepted text takes less than 800 KiB of stack in debug builds, and a fraction of that in release
/// builds.
pub const MAX_DEPTH: usize = 200;

/// Parses a query text. Any error refuses the whole text; all errors found are returned, ordered by place.
pub fn parse(text: &str) -> Result<File, Vec<Diagnostic>> {
    strict(parse_recovering(text))
}

/// Parses a query text that may not be UTF-8.
pub fn parse_bytes(bytes: &[u8]) -> Result<File, Vec<Diagnostic>> {
    parse(utf8(bytes)?)
}

/// Parses a query text and refuses comments that the formatter cannot keep.
pub fn parse_with_comments(text: &str) -> Result<File, Vec<Diagnostic>> {
    strict(run(text, true))
}

/// Parses as much as possible: the complete statements, and every finding, warnings included.
#[must_use]
pub fn parse_recovering(text: &str) -> (File, Vec<Diagnostic>) {
    run(text, false)
}

/// Parses a lambda such as `x => x.Size > 10` or `a, b => a + b`.
pub fn parse_lambda(text: &str) -> Result<Lambda, Vec<Diagnostic>> {
    let mut parser = Parser::new(text, false);
    let lambda = parser.lambda();
    let diagnostics = parser.finish();
    match lambda {
        Ok(lambda) if !has_error(&diagnostics) => Ok(lambda),
        _ => Err(errors(diagnostics)),
    }
}

fn run(text: &str, keep_comments: bool) -> (File, Vec<Diagnostic>) {
    let mut parser = Parser::new(text, keep_comments);
    let file = parser.file();
    (file, parser.finish())
}

fn strict((file, diagnostics): (File, Vec<Diagnostic>)) -> Result<File, Vec<Diagnostic>> {
    if has_error(&diagnostics) {
        Err(errors(diagnostics))
    } else {
        Ok(file)
    }
}

fn has_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

fn errors(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    diagnostics
}

fn utf8(bytes: &[u8]) -> Result<&str, Vec<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = error.valid_up_to();
        let start = u32::try_from(valid).unwrap_or(u32::MAX);
        let byte = bytes.get(valid).copied().unwrap_or_default();
        let span = Span {
            start,
            end: start.saturating_add(1),
        };
        let mut diagnostics = [Diagnostic::error(
            code::ENCODING,
            span,
            format!("byte `0x{byte:02x}` at offset {valid} is not valid UTF-8"),
        )
        .with_help("save the text as UTF-8; in a string, write a raw byte as `\\xHH`")];
        diagnostic::finish(&String::from_utf8_lossy(&bytes[..valid]), &mut diagnostics);
        diagnostics.to_vec()
    })
}

/// The current rule cannot continue; the reason has been reported.
#[derive(Debug, Clone, Copy)]
struct Refused;

type Parsed<T> = Result<T, Refused>;

/// How to read a name in backticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Where a symbol is referenced: as typed.
    Literal,
    /// Where a name is defined: escapes are decoded.
    Decoded,
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// Index of the current token; never beyond the last, which is `End`.
    at: usize,
    comments: Vec<CommentToken>,
    /// Index of the first comment not yet taken or skipped.
    next_comment: usize,
    /// Report comments that no node takes.
    keep_comments: bool,
    depth: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, keep_comments: bool) -> Self {
        let lexed = lex(text);
        Self {
            text,
            tokens: lexed.tokens,
            at: 0,
            comments: lexed.comments,
            next_comment: 0,
            keep_comments,
            depth: 0,
            diagnostics: lexed.diagnostics,
        }
    }

    fn finish(self) -> Vec<Diagnostic> {
        let mut diagnostics = self.diagnostics;
        diagnostic::finish(self.text, &mut diagnostics);
        diagnostics
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    fn kind(&self) -> TokenKind {
        self.tokens[self.at].kind
    }

    /// The kind of the token `ahead` places after the current one; `End` beyond the end.
    fn peek(&self, ahead: usize) -> TokenKind {
        self.tokens
            .get(self.at + ahead)
            .map_or(TokenKind::End, |token| token.kind)
    }

    fn previous(&self) -> Option<Token> {
        self.at.checked_sub(1).map(|index| self.tokens[index])
    }

    fn slice(&self, span: Span) -> &'a str {
        &self.text[span.start as usize..span.end as usize]
    }

    /// The span from `start` to the end of the last token consumed.
    fn span_from(&self, start: u32) -> Span {
        let end = self.previous().map_or(start, |token| token.span.end);
        Span {
            start,
            end: end.max(start),
        }
    }

    fn start(&self) -> u32 {
        self.token().span.start
    }

    fn at(&self, kind: TokenKind) -> bool {
        self.kind() == kind
    }

    /// Consumes the current token.
    fn bump(&mut self) -> Token {
        self.pass_comments();
        let token = self.token();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    /// Consumes the current token if it has this kind.
    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.at(kind);
        if found {
            self.bump();
        }
        found
    }

    fn expect(&mut self, kind: TokenKind, expected: &str) -> Parsed<Token> {
        if self.at(kind) {
            Ok(self.bump())
        } else {
            self.unexpected(expected)
        }
    }

    fn expect_name(&mut self, expected: &str, reading: Reading) -> Parsed<Name> {
        let token = self.expect(TokenKind::Ident, expected)?;
        Ok(self.name(token.span, reading))
    }

    fn name(&self, span: Span, reading: Reading) -> Name {
        let typed = self.slice(span);
        let source: Arc<str> = typed.into();
        let text = match reading {
            _ if !typed.starts_with('`') => source.clone(),
            Reading::Literal => literal::bare_name(typed).into(),
            Reading::Decoded => literal::decoded_name(typed).into(),
        };
        Name { text, source, span }
    }

    /// Takes up to `limit` comments before the current token.
    fn take_comments(&mut self, limit: usize) -> Vec<Comment> {
        let mut taken = Vec::new();
        while taken.len() < limit {
            let Some(comment) = self
                .comments
                .get(self.next_comment)
                .filter(|comment| comment.before == self.at)
            else {
                break;
            };
            taken.push(Comment {
                kind: comment.kind,
                text: self.slice(comment.span).into(),
            });
            self.next_comment += 1;
        }
        taken
    }

    /// Drops the comments before the current token at a place where that is allowed.
    fn drop_comments(&mut self) {
        while self
            .comments
            .get(self.next_comment)
            .is_some_and(|comment| comment.before <= self.at)
        {
            self.next_comment += 1;
        }
    }

    /// Drops the comments before the current token; the formatter must know that they would be lost.
    fn pass_comments(&mut self) {
        let first = self.next_comment;
        self.drop_comments();
        if self.keep_comments && self.next_comment > first {
            let span = self.comments[first].span;
            let diagnostic = Diagnostic::error(code::COMMENT, span, "the formatter cannot keep a comment here").with_help(
                "move it before a statement, a column, an argument or an expression, or after a `,` in a list",
            );
            self.report(diagnostic);
        }
    }

    /// Keeps the first findings of each severity, so that warnings do not crowd out the error that refuses
    /// the text.
    fn report(&mut self, diagnostic: Diagnostic) {
        let alike = self
            .diagnostics
            .iter()
            .filter(|other| other.severity == diagnostic.severity)
            .count();
        if alike < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    fn warn_no_effect(&mut self, span: Span, message: &str, help: &str) {
        self.report(Diagnostic::warning(code::NO_EFFECT, span, message).with_help(help));
    }

    /// Runs a rule one level deeper.
    fn nested<T>(&mut self, rule: fn(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let span = self.token().span;
            let message = format!("nested more than {MAX_DEPTH} levels deep");
            self.report(
                Diagnostic::error(code::TOO_DEEP, span, message).with_help("name inner parts with `LET`"),
            );
            return Err(Refused);
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }
}
