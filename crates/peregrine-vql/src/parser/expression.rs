//! Expressions, loosest operator first: AND, OR, NOT, comparison, `+ -`, `* /`, index and member, value.
//!
//! Every level returns a box and runs its loop in a separate function, so that the stack frames of the whole
//! ladder, which nesting multiplies, stay small.

use crate::ast::{AccessStep, ArithmeticOp, CompareOp, Expr, ExprKind, LogicOp, NumLit, Span, StrLit};
use crate::literal;
use crate::token::TokenKind;

use super::{Parsed, Parser, Reading};

type BoxedExpr = Parsed<Box<Expr>>;

impl Parser<'_> {
    /// To be called through [`Parser::nested`].
    pub(super) fn expression(&mut self) -> BoxedExpr {
        let first = self.disjunction()?;
        if !self.at(TokenKind::And) {
            return Ok(first);
        }
        self.expression_rest(first)
    }

    fn expression_rest(&mut self, first: Box<Expr>) -> BoxedExpr {
        let mut rest = Vec::new();
        while self.at(TokenKind::And) {
            let op = self.logic_op();
            rest.push((op, *self.disjunction()?));
        }
        Ok(self.boxed_from(first.span.start, ExprKind::And(first, rest)))
    }

    fn disjunction(&mut self) -> BoxedExpr {
        let first = self.condition()?;
        if !self.at(TokenKind::Or) {
            return Ok(first);
        }
        self.disjunction_rest(first)
    }

    fn disjunction_rest(&mut self, first: Box<Expr>) -> BoxedExpr {
        let mut rest = Vec::new();
        while self.at(TokenKind::Or) {
            let op = self.logic_op();
            rest.push((op, *self.condition()?));
        }
        Ok(self.boxed_from(first.span.start, ExprKind::Or(first, rest)))
    }

    fn logic_op(&mut self) -> LogicOp {
        let token = self.bump();
        LogicOp {
            source: self.slice(token.span).into(),
        }
    }

    fn condition(&mut self) -> BoxedExpr {
        if self.at(TokenKind::Not) {
            self.nested(Self::negation)
        } else {
            self.comparison()
        }
    }

    fn negation(&mut self) -> BoxedExpr {
        let comments = self.take_comments(1);
        let start = self.bump().span.start;
        let operand = self.condition()?;
        let mut negated = self.boxed_from(start, ExprKind::Not(operand));
        negated.comments = comments;
        Ok(negated)
    }

    fn comparison(&mut self) -> BoxedExpr {
        let left = self.sum()?;
        match compare_op(self.kind()) {
            Some(op) => self.comparison_rest(left, op),
            None => Ok(left),
        }
    }

    fn comparison_rest(&mut self, left: Box<Expr>, mut op: CompareOp) -> BoxedExpr {
        let mut span = self.bump().span;
        let mut right = self.sum()?;
        // A chain uses its first operand, last operator and last operand.
        while let Some(next) = compare_op(self.kind()) {
            let dropped = Span {
                start: span.start,
                end: right.span.end,
            };
            self.warn_no_effect(
                dropped,
                "this comparison has no effect: of a chain only the first operand and the last comparison count",
                "join two comparisons with `AND`",
            );
            op = next;
            span = self.bump().span;
            right = self.sum()?;
        }
        if op == CompareOp::LtGt {
            self.warn_no_effect(span, "`<>` is always false", "write `!=` for inequality");
        }
        Ok(self.boxed_from(left.span.start, ExprKind::Compare(left, op, right)))
    }

    fn sum(&mut self) -> BoxedExpr {
        let first = self.product()?;
        if sum_op(self.kind()).is_none() {
            return Ok(first);
        }
        self.sum_rest(first)
    }

    fn sum_rest(&mut self, first: Box<Expr>) -> BoxedExpr {
        let mut rest = Vec::new();
        while let Some(op) = sum_op(self.kind()) {
            self.bump();
            rest.push((op, *self.product()?));
        }
        Ok(self.boxed_from(first.span.start, ExprKind::Arithmetic(first, rest)))
    }

    fn product(&mut self) -> BoxedExpr {
        let first = self.member()?;
        if product_op(self.kind()).is_none() {
            return Ok(first);
        }
        self.product_rest(first)
    }

    fn product_rest(&mut self, first: Box<Expr>) -> BoxedExpr {
        let mut rest = Vec::new();
        while let Some(op) = product_op(self.kind()) {
            self.bump();
            // Only a value may follow, without index or member, which need parentheses here.
            rest.push((op, *self.value()?));
        }
        Ok(self.boxed_from(first.span.start, ExprKind::Arithmetic(first, rest)))
    }

    fn member(&mut self) -> BoxedExpr {
        let base = self.value()?;
        if !matches!(self.kind(), TokenKind::OpenBracket | TokenKind::Dot) {
            return Ok(base);
        }
        self.member_rest(base)
    }

    fn member_rest(&mut self, base: Box<Expr>) -> BoxedExpr {
        let mut steps = Vec::new();
        loop {
            if self.at(TokenKind::OpenBracket) {
                steps.push(self.index()?);
            } else if self.eat(TokenKind::Dot) {
                steps.push(AccessStep::Member(
                    self.expect_name("a name after `.`", Reading::Decoded)?,
                ));
            } else {
                return Ok(self.boxed_from(base.span.start, ExprKind::Access(base, steps)));
            }
        }
    }

    /// `[a]`, `[a:b]`: any number of values and colons is accepted; the last value on each side counts.
    fn index(&mut self) -> Parsed<AccessStep> {
        let open = self.bump();
        let low = self.last_value()?;
        let is_slice = self.at(TokenKind::Colon);
        while self.eat(TokenKind::Colon) {}
        let high = if is_slice { self.last_value()? } else { None };
        self.close(TokenKind::CloseBracket, "`]` after the index", open)?;
        let plain = |value: Option<Box<Expr>>| value.map(|value| *value);
        Ok(if is_slice {
            AccessStep::Slice(plain(low), plain(high))
        } else {
            AccessStep::Index(plain(low))
        })
    }

    fn last_value(&mut self) -> Parsed<Option<Box<Expr>>> {
        let mut last: Option<Box<Expr>> = None;
        while self.kind().starts_value() {
            if let Some(dropped) = last {
                self.warn_no_effect(
                    dropped.span,
                    "this value has no effect: of several in an index the last counts",
                    "write a calculated index in parentheses: `l[(a + 1)]`",
                );
            }
            last = Some(self.value()?);
        }
        Ok(last)
    }

    fn value(&mut self) -> BoxedExpr {
        let comments = self.take_comments(1);
        let mut value = match self.kind() {
            TokenKind::Ident | TokenKind::NegIdent => self.symbol()?,
            TokenKind::OpenParen => self.parentheses()?,
            _ => self.literal()?,
        };
        value.comments = comments;
        Ok(value)
    }

    fn parentheses(&mut self) -> BoxedExpr {
        let open = self.bump();
        let list = self.list()?;
        self.close(TokenKind::CloseParen, "`,` or `)`", open)?;
        Ok(self.boxed_from(open.span.start, ExprKind::Paren(list)))
    }

    fn literal(&mut self) -> BoxedExpr {
        let token = self.token();
        let typed = self.slice(token.span);
        let kind = match token.kind {
            TokenKind::String => ExprKind::Str(StrLit {
                value: literal::string(typed).into(),
                source: typed.into(),
            }),
            TokenKind::RawString => ExprKind::Str(StrLit {
                value: literal::raw_string(typed).into(),
                source: typed.into(),
            }),
            TokenKind::Number => ExprKind::Number(NumLit {
                value: literal::number(typed),
                source: typed.into(),
            }),
            TokenKind::True | TokenKind::False => ExprKind::Bool {
                value: token.kind == TokenKind::True,
                source: typed.into(),
            },
            TokenKind::Null => ExprKind::Null,
            _ => return self.unexpected("an expression"),
        };
        self.bump();
        Ok(self.boxed_from(token.span.start, kind))
    }

    pub(super) fn boxed_from(&self, start: u32, kind: ExprKind) -> Box<Expr> {
        Box::new(Expr {
            comments: Vec::new(),
            kind,
            span: self.span_from(start),
        })
    }
}

fn compare_op(kind: TokenKind) -> Option<CompareOp> {
    Some(match kind {
        TokenKind::LtGt => CompareOp::LtGt,
        TokenKind::Le => CompareOp::Le,
        TokenKind::Ge => CompareOp::Ge,
        TokenKind::Eq => CompareOp::Eq,
        TokenKind::Lt => CompareOp::Lt,
        TokenKind::Gt => CompareOp::Gt,
        TokenKind::Ne => CompareOp::Ne,
        TokenKind::In => CompareOp::In,
        TokenKind::Match => CompareOp::Match,
        _ => return None,
    })
}

fn sum_op(kind: TokenKind) -> Option<ArithmeticOp> {
    match kind {
        TokenKind::Plus => Some(ArithmeticOp::Add),
        TokenKind::Minus => Some(ArithmeticOp::Sub),
        _ => None,
    }
}

fn product_op(kind: TokenKind) -> Option<ArithmeticOp> {
    match kind {
        TokenKind::Star => Some(ArithmeticOp::Mul),
        TokenKind::Slash => Some(ArithmeticOp::Div),
        _ => None,
    }
}
