//! A walk over the syntax tree in source order, for code that looks for something in it.
//!
//! A visitor overrides the methods of the nodes it wants to see, and calls the function of the same name to
//! continue below one; otherwise the nodes below are skipped. The parser bounds the depth of a tree.

use super::{
    AccessStep, Arg, ArgValue, Column, ColumnKind, Expr, ExprKind, Let, LetBody, List, Name, Select, Source,
    Statement, StatementKind, StrLit, Symbol,
};

/// One method per kind of node; unless overridden, it continues below the node. `'t` is the tree.
pub trait Visit<'t> {
    /// `LET …` or `SELECT …`.
    fn visit_statement(&mut self, statement: &'t Statement) {
        visit_statement(self, statement);
    }

    /// `LET name(params) = body`.
    fn visit_let(&mut self, binding: &'t Let) {
        visit_let(self, binding);
    }

    /// A query: a statement, or in braces.
    fn visit_select(&mut self, select: &'t Select) {
        visit_select(self, select);
    }

    /// A column of a query.
    fn visit_column(&mut self, column: &'t Column) {
        visit_column(self, column);
    }

    /// `AS name`.
    fn visit_alias(&mut self, _alias: &'t Name) {}

    /// The source after FROM.
    fn visit_source(&mut self, source: &'t Source) {
        visit_source(self, source);
    }

    /// An argument of a call.
    fn visit_arg(&mut self, arg: &'t Arg) {
        self.visit_arg_value(&arg.value);
    }

    /// The value of an argument, or the default of a parameter.
    fn visit_arg_value(&mut self, value: &'t ArgValue) {
        visit_arg_value(self, value);
    }

    /// `a, b, c`.
    fn visit_list(&mut self, list: &'t List) {
        visit_list(self, list);
    }

    /// An expression of any kind.
    fn visit_expr(&mut self, expr: &'t Expr) {
        visit_expr(self, expr);
    }

    /// A name or call in an expression.
    fn visit_symbol(&mut self, symbol: &'t Symbol) {
        visit_symbol(self, symbol);
    }

    /// A string literal.
    fn visit_text(&mut self, _text: &'t StrLit) {}
}

/// Visits the nodes below a statement.
pub fn visit_statement<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, statement: &'t Statement) {
    match &statement.kind {
        StatementKind::Select(select) => visitor.visit_select(select),
        StatementKind::Let(binding) => visitor.visit_let(binding),
    }
}

/// Visits the defaults of parameters, then the body.
pub fn visit_let<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, binding: &'t Let) {
    let params = binding.params.iter().flatten();
    for default in params.filter_map(|param| param.default.as_ref()) {
        visitor.visit_arg_value(default);
    }
    match &binding.body {
        LetBody::Query(select) => visitor.visit_select(select),
        LetBody::Expr(body) => visitor.visit_expr(body),
    }
}

/// Visits columns, source, WHERE and GROUP BY.
pub fn visit_select<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, select: &'t Select) {
    for column in &select.columns {
        visitor.visit_column(column);
    }
    visitor.visit_source(&select.from);
    for list in select.filter.iter().chain(&select.group_by) {
        visitor.visit_list(list);
    }
}

/// Visits what a column computes, then its alias.
pub fn visit_column<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, column: &'t Column) {
    match &column.kind {
        ColumnKind::Star => {}
        ColumnKind::Query(select) => visitor.visit_select(select),
        ColumnKind::Expr(expr) => visitor.visit_expr(expr),
    }
    if let Some(alias) = &column.alias {
        visitor.visit_alias(alias);
    }
}

/// Visits the arguments of a source.
pub fn visit_source<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, source: &'t Source) {
    for arg in source.args.iter().flatten() {
        visitor.visit_arg(arg);
    }
}

/// Visits the parts of an argument's value.
pub fn visit_arg_value<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, value: &'t ArgValue) {
    match value {
        ArgValue::Query(select) => visitor.visit_select(select),
        ArgValue::Array(Some(list)) => visitor.visit_list(list),
        ArgValue::Array(None) => {}
        ArgValue::Expr(expr) => visitor.visit_expr(expr),
    }
}

/// Visits the elements of a list.
pub fn visit_list<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, list: &'t List) {
    for item in &list.items {
        visitor.visit_expr(item);
    }
}

/// Visits the operands of an expression.
pub fn visit_expr<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, expr: &'t Expr) {
    match &expr.kind {
        ExprKind::And(first, rest) | ExprKind::Or(first, rest) => {
            visitor.visit_expr(first);
            rest.iter().for_each(|(_, operand)| visitor.visit_expr(operand));
        }
        ExprKind::Arithmetic(first, rest) => {
            visitor.visit_expr(first);
            rest.iter().for_each(|(_, operand)| visitor.visit_expr(operand));
        }
        ExprKind::Not(operand) => visitor.visit_expr(operand),
        ExprKind::Compare(left, _, right) => {
            visitor.visit_expr(left);
            visitor.visit_expr(right);
        }
        ExprKind::Access(base, steps) => {
            visitor.visit_expr(base);
            for step in steps {
                match step {
                    AccessStep::Index(index) => index.iter().for_each(|index| visitor.visit_expr(index)),
                    AccessStep::Slice(from, to) => {
                        from.iter().chain(to).for_each(|bound| visitor.visit_expr(bound));
                    }
                    AccessStep::Member(_) => {}
                }
            }
        }
        ExprKind::Symbol(symbol) => visitor.visit_symbol(symbol),
        ExprKind::Paren(list) => visitor.visit_list(list),
        ExprKind::Str(text) => visitor.visit_text(text),
        ExprKind::Number(_) | ExprKind::Bool { .. } | ExprKind::Null => {}
    }
}

/// Visits the arguments of a call.
pub fn visit_symbol<'t, V: Visit<'t> + ?Sized>(visitor: &mut V, symbol: &'t Symbol) {
    for arg in symbol.args.iter().flatten() {
        visitor.visit_arg(arg);
    }
}
