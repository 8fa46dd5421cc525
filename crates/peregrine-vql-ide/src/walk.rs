//! A walk over the syntax tree in source order. The parser bounds how deep it can be.

use peregrine_vql::ast::{
    AccessStep, Arg, ArgValue, ColumnKind, Expr, ExprKind, Let, LetBody, List, Name, Select, Source,
    Statement, StatementKind, StrLit, Symbol,
};

/// What a check wants to see; everything is optional.
pub(crate) trait Visitor {
    /// `FROM …`.
    fn source(&mut self, _source: &Source) {}
    /// A name or call in an expression.
    fn symbol(&mut self, _symbol: &Symbol) {}
    /// A string literal.
    fn text(&mut self, _text: &StrLit) {}
    /// `AS name`.
    fn alias(&mut self, _alias: &Name) {}
}

pub(crate) fn statement(visitor: &mut dyn Visitor, statement: &Statement) {
    match &statement.kind {
        StatementKind::Select(query) => select(visitor, query),
        StatementKind::Let(binding) => let_body(visitor, binding),
    }
}

pub(crate) fn let_body(visitor: &mut dyn Visitor, binding: &Let) {
    for param in binding.params.iter().flatten() {
        if let Some(default) = &param.default {
            arg_value(visitor, default);
        }
    }
    match &binding.body {
        LetBody::Query(query) => select(visitor, query),
        LetBody::Expr(body) => expr(visitor, body),
    }
}

pub(crate) fn select(visitor: &mut dyn Visitor, query: &Select) {
    for column in &query.columns {
        match &column.kind {
            ColumnKind::Star => {}
            ColumnKind::Query(inner) => select(visitor, inner),
            ColumnKind::Expr(value) => expr(visitor, value),
        }
        if let Some(alias) = &column.alias {
            visitor.alias(alias);
        }
    }
    visitor.source(&query.from);
    args(visitor, query.from.args.as_deref());
    list(visitor, query.filter.as_ref());
    list(visitor, query.group_by.as_ref());
}

fn args(visitor: &mut dyn Visitor, args: Option<&[Arg]>) {
    for arg in args.unwrap_or_default() {
        arg_value(visitor, &arg.value);
    }
}

fn arg_value(visitor: &mut dyn Visitor, value: &ArgValue) {
    match value {
        ArgValue::Query(query) => select(visitor, query),
        ArgValue::Array(items) => list(visitor, items.as_ref()),
        ArgValue::Expr(value) => expr(visitor, value),
    }
}

fn list(visitor: &mut dyn Visitor, items: Option<&List>) {
    for item in items.iter().flat_map(|list| &list.items) {
        expr(visitor, item);
    }
}

pub(crate) fn expr(visitor: &mut dyn Visitor, value: &Expr) {
    match &value.kind {
        ExprKind::And(first, rest) | ExprKind::Or(first, rest) => {
            expr(visitor, first);
            rest.iter().for_each(|(_, operand)| expr(visitor, operand));
        }
        ExprKind::Arithmetic(first, rest) => {
            expr(visitor, first);
            rest.iter().for_each(|(_, operand)| expr(visitor, operand));
        }
        ExprKind::Not(operand) => expr(visitor, operand),
        ExprKind::Compare(left, _, right) => {
            expr(visitor, left);
            expr(visitor, right);
        }
        ExprKind::Access(base, steps) => {
            expr(visitor, base);
            for step in steps {
                match step {
                    AccessStep::Index(index) => index.iter().for_each(|index| expr(visitor, index)),
                    AccessStep::Slice(from, to) => {
                        from.iter().chain(to).for_each(|bound| expr(visitor, bound))
                    }
                    AccessStep::Member(_) => {}
                }
            }
        }
        ExprKind::Symbol(symbol) => {
            visitor.symbol(symbol);
            args(visitor, symbol.args.as_deref());
        }
        ExprKind::Paren(items) => list(visitor, Some(items)),
        ExprKind::Str(text) => visitor.text(text),
        ExprKind::Number(_) | ExprKind::Bool { .. } | ExprKind::Null => {}
    }
}
