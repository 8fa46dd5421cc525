//! `SELECT` and its clauses.

use std::sync::Arc;

use crate::ast::{Column, ColumnKind, Limit, Number, OrderBy, Select, Source};
use crate::diagnostic::{Diagnostic, code};
use crate::literal;
use crate::token::TokenKind;

use super::{Parsed, Parser, Reading, Refused};

impl Parser<'_> {
    pub(super) fn select(&mut self) -> Parsed<Arc<Select>> {
        let comments = self.take_comments(usize::MAX);
        let start = self.start();
        let mut explain = false;
        while self.eat(TokenKind::Explain) {
            explain = true;
        }
        self.expect(TokenKind::Select, "`SELECT`")?;
        let star = self.eat(TokenKind::Star);
        if star {
            self.eat(TokenKind::Comma);
        }
        let columns = self.columns()?;
        let mut select = self.clauses(start, columns)?;
        select.comments = comments;
        select.explain = explain;
        select.star = star;
        Ok(Arc::from(select))
    }

    fn clauses(&mut self, start: u32, columns: Vec<Column>) -> Parsed<Box<Select>> {
        if !self.at(TokenKind::From) {
            return self.unexpected_after_columns();
        }
        self.bump();
        let from = self.source()?;
        let filter = if self.eat(TokenKind::Where) {
            Some(self.list()?)
        } else {
            None
        };
        let group_by = if self.eat(TokenKind::GroupBy) {
            Some(self.list()?)
        } else {
            None
        };
        let order_by = if self.eat(TokenKind::OrderBy) {
            Some(self.order_by()?)
        } else {
            None
        };
        let limit = if self.eat(TokenKind::Limit) {
            Some(self.limit()?)
        } else {
            None
        };
        let span = self.span_from(start);
        let (comments, explain, star) = (Vec::new(), false, false);
        let select = Select {
            comments,
            explain,
            star,
            columns,
            from,
            filter,
            group_by,
            order_by,
            limit,
            span,
        };
        Ok(Box::new(select))
    }

    /// `{ SELECT … }`, starting at the opening brace.
    pub(super) fn braced_select(&mut self) -> Parsed<Arc<Select>> {
        let open = self.bump();
        let select = self.nested(Self::select)?;
        self.close(TokenKind::CloseBrace, "`}` after the sub-query", open)?;
        Ok(select)
    }

    fn columns(&mut self) -> Parsed<Vec<Column>> {
        let mut columns = Vec::new();
        if self.at(TokenKind::From) {
            return Ok(columns);
        }
        loop {
            columns.push(self.column()?);
            if !self.eat(TokenKind::Comma) {
                return Ok(columns);
            }
        }
    }

    fn column(&mut self) -> Parsed<Column> {
        let comments = self.take_comments(usize::MAX);
        let start = self.start();
        let kind = self.column_kind()?;
        let alias = if self.eat(TokenKind::As) {
            Some(self.expect_name("a name after `AS`", Reading::Decoded)?)
        } else {
            None
        };
        Ok(Column {
            comments,
            kind,
            alias,
            span: self.span_from(start),
        })
    }

    fn column_kind(&mut self) -> Parsed<ColumnKind> {
        match self.kind() {
            TokenKind::Star => {
                self.bump();
                Ok(ColumnKind::Star)
            }
            TokenKind::OpenBrace => Ok(ColumnKind::Query(self.braced_select()?)),
            kind if kind.starts_value() || kind == TokenKind::Not => {
                Ok(ColumnKind::Expr(Arc::from(self.nested(Self::expression)?)))
            }
            _ => self.unexpected("a column"),
        }
    }

    fn source(&mut self) -> Parsed<Source> {
        let start = self.start();
        let mut path = vec![self.expect_name("a plugin or a name after `FROM`", Reading::Literal)?];
        while self.eat(TokenKind::Dot) {
            path.push(self.expect_name("a name after `.`", Reading::Literal)?);
        }
        let mut args = None;
        if self.at(TokenKind::OpenParen) {
            let mut list = Vec::new();
            self.arguments(&mut list)?;
            args = Some(list);
        }
        Ok(Source {
            path,
            args,
            span: self.span_from(start),
        })
    }

    fn order_by(&mut self) -> Parsed<OrderBy> {
        // It names an output column, so it is read in the same way as the column's alias.
        let column = self.expect_name("the name of one column after `ORDER BY`", Reading::Decoded)?;
        let descending = self.eat(TokenKind::Desc);
        Ok(OrderBy { column, descending })
    }

    fn limit(&mut self) -> Parsed<Limit> {
        let token = self.expect(TokenKind::Number, "a number after `LIMIT`")?;
        let source = self.slice(token.span);
        if let Number::Int(rows) = literal::number(source) {
            return Ok(Limit {
                rows,
                span: token.span,
            });
        }
        let message = format!("`LIMIT` takes an integer, found `{source}`");
        self.report(Diagnostic::error(code::LIMIT, token.span, message));
        Err(Refused)
    }
}
