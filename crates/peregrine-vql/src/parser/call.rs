//! Symbols, arguments and lists.

use std::sync::Arc;

use crate::ast::{Arg, ArgValue, Expr, ExprKind, List, Name, Span, Symbol};
use crate::token::{Token, TokenKind};

use super::{Parsed, Parser, Reading};

impl Parser<'_> {
    /// `a.b(x=1)`, possibly negated. Several argument lists make a single call.
    pub(super) fn symbol(&mut self) -> Parsed<Box<Expr>> {
        let mut span = self.bump().span;
        let start = span.start;
        let negated = self.slice(span).starts_with('-');
        if negated {
            span.start += 1;
        }
        let mut path: Vec<Name> = vec![self.name(span, Reading::Literal)];
        while self.eat(TokenKind::Dot) {
            path.push(self.expect_name("a name after `.`", Reading::Literal)?);
        }
        let mut args = None;
        while self.at(TokenKind::OpenParen) {
            self.arguments(args.get_or_insert_default())?;
        }
        Ok(self.boxed_from(start, ExprKind::Symbol(Symbol { negated, path, args })))
    }

    /// `(a=1, b=2)`, starting at the opening parenthesis.
    pub(super) fn arguments(&mut self, args: &mut Vec<Arg>) -> Parsed<()> {
        let open = self.bump();
        if self.eat(TokenKind::CloseParen) {
            return Ok(());
        }
        loop {
            args.push(self.argument()?);
            if !self.eat(TokenKind::Comma) {
                break;
            }
            if self.at(TokenKind::CloseParen) {
                return self.unexpected_trailing_comma();
            }
        }
        self.close(TokenKind::CloseParen, "`,` or `)` after the argument", open)
    }

    fn argument(&mut self) -> Parsed<Arg> {
        let comments = self.take_comments(usize::MAX);
        if !self.at(TokenKind::Ident) || self.peek(1) != TokenKind::Eq {
            return self.unexpected_argument();
        }
        let name = self.expect_name("an argument name", Reading::Decoded)?;
        self.bump();
        Ok(Arg {
            comments,
            name,
            value: self.argument_value()?,
        })
    }

    /// The value after `name=`: the only place for brackets, and besides columns the only one for braces.
    pub(super) fn argument_value(&mut self) -> Parsed<ArgValue> {
        match self.kind() {
            TokenKind::OpenBrace => Ok(ArgValue::Query(self.braced_select()?)),
            TokenKind::OpenBracket => self.bracket_list(),
            _ => Ok(ArgValue::Expr(Arc::from(self.nested(Self::expression)?))),
        }
    }

    fn bracket_list(&mut self) -> Parsed<ArgValue> {
        let open = self.bump();
        if self.eat(TokenKind::CloseBracket) {
            return Ok(ArgValue::Array(None));
        }
        let list = self.list()?;
        self.close(TokenKind::CloseBracket, "`,` or `]`", open)?;
        Ok(ArgValue::Array(Some(list)))
    }

    /// `a, b, c`. Each comma opens a slot; the last expression of a slot counts, and an empty slot ends the
    /// list: the rest is read and dropped.
    pub(super) fn list(&mut self) -> Parsed<List> {
        let start = self.start();
        let first = self.nested(Self::expression)?;
        self.list_rest(start, first)
    }

    #[allow(clippy::boxed_local)] // unboxing it in `list` would enlarge that frame, which nests
    fn list_rest(&mut self, start: u32, first: Box<Expr>) -> Parsed<List> {
        let mut items = vec![*first];
        let mut ended = false;
        let mut trailing_comments = Vec::new();
        while self.eat(TokenKind::Comma) {
            let mut comments = self.take_comments(1);
            match self.last_expression()? {
                Some(item) if ended => self.warn_dropped_slot(item.span),
                Some(mut item) => {
                    comments.append(&mut item.comments);
                    item.comments = comments;
                    items.push(*item);
                }
                None if ended => {}
                None => {
                    ended = true;
                    trailing_comments = comments;
                }
            }
        }
        Ok(List {
            items,
            trailing_comma: ended,
            trailing_comments,
            span: self.span_from(start),
        })
    }

    fn last_expression(&mut self) -> Parsed<Option<Box<Expr>>> {
        let mut last: Option<Box<Expr>> = None;
        while self.kind().starts_value() || self.at(TokenKind::Not) {
            if let Some(dropped) = last {
                self.warn_no_effect(
                    dropped.span,
                    "this value has no effect: of several between two commas the last counts",
                    "separate the values with `,`; if a minus follows, write `a - b` with blanks",
                );
            }
            last = Some(self.nested(Self::expression)?);
        }
        Ok(last)
    }

    fn warn_dropped_slot(&mut self, span: Span) {
        let message = "this value has no effect: nothing between two commas ends the list";
        self.warn_no_effect(span, message, "remove the empty place or write `NULL` there");
    }

    /// Expects the token that closes `open`.
    pub(super) fn close(&mut self, kind: TokenKind, expected: &str, open: Token) -> Parsed<()> {
        if self.eat(kind) {
            Ok(())
        } else {
            self.unexpected_in(expected, open)
        }
    }
}
