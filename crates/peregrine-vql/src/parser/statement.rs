//! Statements, recovery between them, and lambdas.

use std::sync::Arc;

use crate::ast::{File, Lambda, Let, LetBody, Param, Statement, StatementKind};
use crate::diagnostic::{Diagnostic, code};
use crate::token::TokenKind;

use super::{Parsed, Parser, Reading};

impl Parser<'_> {
    pub(super) fn file(&mut self) -> File {
        let mut file = File::default();
        if self.at(TokenKind::End) {
            let span = self.token().span;
            self.report(Diagnostic::error(
                code::EMPTY,
                span,
                "expected a statement, found end of text",
            ));
        }
        while !self.at(TokenKind::End) {
            let first = self.at;
            match self.statement() {
                Ok(statement) => file.statements.push(statement),
                Err(_) => self.skip_to_statement(first),
            }
        }
        file
    }

    fn statement(&mut self) -> Parsed<Statement> {
        self.depth = 0;
        let comments = self.take_comments(usize::MAX);
        let start = self.start();
        let kind = match self.kind() {
            TokenKind::Let => StatementKind::Let(self.let_statement()?),
            TokenKind::Select | TokenKind::Explain => StatementKind::Select(self.nested(Self::select)?),
            _ => return self.unexpected("a statement (`LET` or `SELECT`)"),
        };
        let span = self.span_from(start);
        if !self.at(TokenKind::End) && !self.kind().starts_statement() {
            return self.unexpected_after_statement(&kind);
        }
        Ok(Statement { comments, kind, span })
    }

    fn let_statement(&mut self) -> Parsed<Let> {
        self.bump();
        let name = self.expect_name("a name after `LET`", Reading::Decoded)?;
        let params = if self.at(TokenKind::OpenParen) {
            Some(self.params()?)
        } else {
            None
        };
        let materialize = self.at(TokenKind::Le);
        if !materialize && !self.at(TokenKind::Eq) {
            return self.unexpected("`=` or `<=` after the name");
        }
        self.bump();
        self.drop_comments();
        let body = if matches!(self.kind(), TokenKind::Select | TokenKind::Explain) {
            LetBody::Query(self.nested(Self::select)?)
        } else {
            LetBody::Expr(Arc::from(self.nested(Self::expression)?))
        };
        Ok(Let {
            name,
            params,
            materialize,
            body,
        })
    }

    fn params(&mut self) -> Parsed<Vec<Param>> {
        let open = self.bump();
        let mut params = Vec::new();
        if self.eat(TokenKind::CloseParen) {
            return Ok(params);
        }
        loop {
            let comments = self.take_comments(usize::MAX);
            let name = self.expect_name("a parameter name", Reading::Decoded)?;
            let default = if self.eat(TokenKind::Eq) {
                Some(self.argument_value()?)
            } else {
                None
            };
            params.push(Param {
                comments,
                name,
                default,
            });
            if !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.close(TokenKind::CloseParen, "`,` or `)` after the parameter", open)?;
        Ok(params)
    }

    /// Skips to the next place where a statement may start: `LET`, or a `SELECT` outside braces. A `SELECT`
    /// at the very start of a line counts even inside braces, because a missing brace may be the error.
    fn skip_to_statement(&mut self, first: usize) {
        let mut open = 0_usize;
        let mut index = first;
        loop {
            let token = self.tokens[index];
            if index >= self.at.max(first + 1) && token.kind.starts_statement() {
                let follows = self.tokens[index - 1].kind;
                let is_body = matches!(
                    follows,
                    TokenKind::Eq
                        | TokenKind::Le
                        | TokenKind::OpenBrace
                        | TokenKind::OpenParen
                        | TokenKind::Explain
                );
                let starts_line =
                    token.span.start == 0 || self.text.as_bytes()[token.span.start as usize - 1] == b'\n';
                if token.kind == TokenKind::Let || starts_line || (open == 0 && !is_body) {
                    break;
                }
            }
            match token.kind {
                TokenKind::End => break,
                TokenKind::OpenBrace => open += 1,
                TokenKind::CloseBrace => open = open.saturating_sub(1),
                _ => {}
            }
            index += 1;
        }
        self.at = index;
        // The comments directly before a statement belong to it.
        while self
            .comments
            .get(self.next_comment)
            .is_some_and(|comment| comment.before < index)
        {
            self.next_comment += 1;
        }
    }

    pub(super) fn lambda(&mut self) -> Parsed<Lambda> {
        let mut params = vec![self.expect_name("a parameter name", Reading::Decoded)?];
        while self.eat(TokenKind::Comma) {
            params.push(self.expect_name("a parameter name", Reading::Decoded)?);
        }
        self.expect(TokenKind::Arrow, "`=>` after the parameters")?;
        let body = self.nested(Self::expression)?;
        if !self.at(TokenKind::End) {
            return self.unexpected("the end of the lambda");
        }
        Ok(Lambda {
            params,
            body: Arc::from(body),
        })
    }
}
