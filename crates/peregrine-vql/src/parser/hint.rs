//! Messages for a token that does not fit: "expected …, found …" and, for common mistakes, what to write
//! instead.

use crate::ast::StatementKind;
use crate::diagnostic::{Diagnostic, code};
use crate::token::{Token, TokenKind};

use super::{Parsed, Parser, Refused};

impl Parser<'_> {
    /// Reports that `expected` was expected here.
    pub(super) fn unexpected<T>(&mut self, expected: &str) -> Parsed<T> {
        let help = self.usual_mistake(expected);
        self.refuse(expected, help, None)
    }

    /// The same inside something that has been opened.
    pub(super) fn unexpected_in<T>(&mut self, expected: &str, open: Token) -> Parsed<T> {
        let help = self.usual_mistake(expected);
        self.refuse(expected, help, Some(open))
    }

    pub(super) fn unexpected_after_columns<T>(&mut self) -> Parsed<T> {
        let mut help = self.usual_mistake("");
        let follows_value = self.previous().is_some_and(|token| ends_value(token.kind));
        help = help.or_else(|| self.slip(&["FROM"]));
        if help.is_none() && follows_value && matches!(self.kind(), TokenKind::Ident | TokenKind::String) {
            help = Some("separate columns with `,`, or name a column with `AS`".to_owned());
        }
        if help.is_none() && self.at(TokenKind::End) {
            help = Some(
                "every SELECT reads from something: end it with `FROM scope()` to calculate one row"
                    .to_owned(),
            );
        }
        self.refuse("`FROM` after the columns", help, None)
    }

    pub(super) fn unexpected_after_statement<T>(&mut self, statement: &StatementKind) -> Parsed<T> {
        let mut help = self.usual_mistake("");
        if help.is_none() {
            help = match (self.kind(), statement) {
                (TokenKind::Where | TokenKind::GroupBy | TokenKind::OrderBy | TokenKind::Limit, _) => Some(
                    "clauses come in the order `WHERE`, `GROUP BY`, `ORDER BY`, `LIMIT`, each at most once"
                        .to_owned(),
                ),
                (TokenKind::Comma, StatementKind::Select(select)) if select.order_by.is_some() => {
                    Some("`ORDER BY` takes the name of one column".to_owned())
                }
                (TokenKind::Ident, _) if self.word().eq_ignore_ascii_case("ASC") => {
                    Some("ascending is the default: leave `ASC` out".to_owned())
                }
                (TokenKind::Ident, _) if self.word().eq_ignore_ascii_case("HAVING") => {
                    Some("there is no `HAVING`: filter in an outer SELECT".to_owned())
                }
                (TokenKind::Ident, _) if self.word().eq_ignore_ascii_case("JOIN") => {
                    Some("there is no `JOIN`: use `foreach()`".to_owned())
                }
                _ => self.slip(&[
                    "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "EXPLAIN", "SELECT", "LET",
                ]),
            };
        }
        let expected = match statement {
            StatementKind::Let(_) => "the next statement or an operator",
            StatementKind::Select(_) => "a clause of this SELECT or the next statement",
        };
        self.refuse(expected, help, None)
    }

    pub(super) fn unexpected_argument<T>(&mut self) -> Parsed<T> {
        let name_follows = self.at(TokenKind::Ident) || self.kind().starts_value();
        let help = match self.kind() {
            kind if kind.is_keyword() && self.peek(1) == TokenKind::Eq => self.quote_keyword(),
            _ if name_follows => Some("arguments always have a name: write `name=value`".to_owned()),
            _ => None,
        };
        self.refuse("an argument `name=value`", help, None)
    }

    pub(super) fn unexpected_trailing_comma<T>(&mut self) -> Parsed<T> {
        self.refuse(
            "another argument after `,`",
            Some("remove the last `,`: calls take no trailing comma".to_owned()),
            None,
        )
    }

    fn refuse<T>(&mut self, expected: &str, help: Option<String>, open: Option<Token>) -> Parsed<T> {
        let token = self.token();
        // The lexer has already reported it.
        if token.kind == TokenKind::Error {
            return Err(Refused);
        }
        let message = format!("expected {expected}, found {}", self.found());
        let mut diagnostic = Diagnostic::error(code::UNEXPECTED, token.span, message);
        diagnostic.help = help;
        if let Some(open) = open {
            diagnostic = diagnostic.with_label(open.span, "opened here");
        }
        self.report(diagnostic);
        Err(Refused)
    }

    /// The keyword this name is probably a typing error for.
    fn slip(&self, keywords: &[&str]) -> Option<String> {
        let word = self.word();
        let meant = keywords.iter().find(|keyword| {
            let first = keyword.split(' ').next().unwrap_or_default();
            self.at(TokenKind::Ident) && is_slip(&word.to_ascii_uppercase(), first)
        })?;
        Some(format!("did you mean `{meant}`?"))
    }

    fn word(&self) -> &str {
        self.slice(self.token().span)
    }

    fn found(&self) -> String {
        const SHOWN: usize = 30;
        let word = self.word();
        match self.kind() {
            TokenKind::End => "end of text".to_owned(),
            kind if kind.is_keyword() => format!("keyword `{word}`"),
            _ if word.chars().count() > SHOWN => {
                format!(
                    "`{}…`",
                    word.chars().take(SHOWN).collect::<String>().escape_debug()
                )
            }
            _ => format!("`{}`", word.replace(['\n', '\r'], " ")),
        }
    }

    fn quote_keyword(&self) -> Option<String> {
        let word = self.word();
        Some(format!(
            "`{word}` is a keyword; as a name it stands in backticks: `` `{word}` ``"
        ))
    }

    fn usual_mistake(&self, expected: &str) -> Option<String> {
        let text = |help: &str| Some(help.to_owned());
        let previous = self.previous();
        let follows_value = previous.is_some_and(|token| ends_value(token.kind));
        let word = self.word();
        match self.kind() {
            TokenKind::Number | TokenKind::NegIdent if follows_value && word.starts_with('-') => {
                let left = previous.map_or("", |token| self.slice(token.span));
                let left = if left.len() <= 20 { left } else { "…" };
                Some(format!(
                    "a `-` glued to what follows makes a negative value; write `{left} - {}`",
                    &word[1..]
                ))
            }
            TokenKind::Ident if previous.is_some_and(|token| self.is_glued_number(token)) => {
                text("numbers have no suffixes and no digit separators; a name does not start with a digit")
            }
            _ if self.follows_number_and_point() => text("a number does not end in a point"),
            TokenKind::Eq if previous.is_some_and(|token| token.kind == TokenKind::Eq) => {
                text("equality is a single `=`")
            }
            TokenKind::Percent => text("there is no modulo operator"),
            TokenKind::Arrow => text("a lambda is written as a string: `'x=>x > 1'`"),
            TokenKind::OpenBracket if follows_value => {
                text("after `*` and `/` an indexed value needs parentheses: `2 * (l[1])`")
            }
            TokenKind::Dot if previous.is_some_and(|token| token.kind == TokenKind::Number) => {
                text("a number does not end in a point")
            }
            _ if follows_value && previous.is_some_and(|token| token.kind != TokenKind::Ident) => None,
            TokenKind::OpenBracket => text(
                "brackets make a list only directly after `name=`; elsewhere write `(1, 2)`, or `(1,)` for one element",
            ),
            TokenKind::OpenBrace if expected == "an expression" => text(
                "braces hold a query only as a column or directly after `name=`; after `LET` it stands without them",
            ),
            TokenKind::Select => {
                text("a query inside an expression is written `{ SELECT … }`, as a column or after `name=`")
            }
            TokenKind::Let => text("`EXPLAIN` stands before `SELECT` only")
                .filter(|_| previous.is_some_and(|token| token.kind == TokenKind::Explain)),
            TokenKind::Minus => {
                text("only a number or a name can be negated, with the `-` directly before it: `0 - (a + b)`")
            }
            TokenKind::CloseParen if previous.is_some_and(|token| token.kind == TokenKind::OpenParen) => {
                text("there is no `()`; an empty list is `[]`, directly after `name=`")
            }
            TokenKind::OpenParen if expected.contains("`FROM`") => {
                text("`FROM` takes a name or a call; name an expression with `LET`")
            }
            kind if kind.is_keyword() && expected.starts_with("a name") => self.quote_keyword(),
            _ => None,
        }
    }

    fn follows_number_and_point(&self) -> bool {
        let before = |back| Some(self.tokens.get(self.at.checked_sub(back)?)?.kind);
        before(1) == Some(TokenKind::Dot) && before(2) == Some(TokenKind::Number)
    }

    fn is_glued_number(&self, token: Token) -> bool {
        token.kind == TokenKind::Number && token.span.end == self.token().span.start
    }
}

/// True for tokens that can end a value.
fn ends_value(kind: TokenKind) -> bool {
    use TokenKind::*;
    matches!(
        kind,
        Ident | NegIdent | Number | String | RawString | True | False | Null | CloseParen | CloseBracket
    )
}

/// Whether one letter is missing, extra or different, or two are swapped.
fn is_slip(word: &str, keyword: &str) -> bool {
    let (word, keyword) = (word.as_bytes(), keyword.as_bytes());
    let is_same = |(left, right): &(&u8, &u8)| left == right;
    let start = word.iter().zip(keyword).take_while(is_same).count();
    let (word, keyword) = (&word[start..], &keyword[start..]);
    let end = word
        .iter()
        .rev()
        .zip(keyword.iter().rev())
        .take_while(is_same)
        .count();
    match (&word[..word.len() - end], &keyword[..keyword.len() - end]) {
        ([a, b], [c, d]) => a == d && b == c,
        (left, right) => left.len() <= 1 && right.len() <= 1,
    }
}
