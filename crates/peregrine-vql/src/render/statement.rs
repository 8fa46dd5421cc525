//! Layout of statements, SELECT and its columns.

use crate::ast::{
    Column, ColumnKind, File, Let, LetBody, Name, Param, Select, Source, Statement, StatementKind,
};

use super::Renderer;

impl Renderer {
    /// Every statement, with an empty line between them.
    pub(crate) fn file(&mut self, file: &File) {
        for statement in &file.statements {
            self.comment_lines(&statement.comments);
            self.statement(statement);
            self.line_break();
            self.line_break();
            self.cursor.column = 0;
            self.cursor.max = 0;
        }
    }

    /// Without the comments before it.
    pub(crate) fn statement(&mut self, statement: &Statement) {
        match &statement.kind {
            StatementKind::Let(definition) => self.definition(definition),
            StatementKind::Select(select) => self.select(select),
        }
    }

    fn definition(&mut self, definition: &Let) {
        self.push("LET ");
        self.push(&definition.name.source);
        if let Some(params) = definition.params.as_deref().filter(|params| !params.is_empty()) {
            self.push("(");
            for (index, param) in params.iter().enumerate() {
                if index > 0 {
                    self.push(", ");
                }
                self.param(param);
            }
            self.push(")");
        }
        self.push(if definition.materialize { " <= " } else { " = " });
        self.deepen();
        match &definition.body {
            LetBody::Query(select) => self.select(select),
            LetBody::Expr(expr) => self.expr(expr),
        }
        self.drop_indent();
    }

    fn param(&mut self, param: &Param) {
        match &param.default {
            Some(value) => self.named_value(&param.comments, &param.name, value),
            None => {
                self.comment_lines(&param.comments);
                self.push(&param.name.source);
            }
        }
    }

    pub(crate) fn select(&mut self, select: &Select) {
        self.comment_lines(&select.comments);
        if select.explain {
            self.push("EXPLAIN ");
        }
        self.push("SELECT ");
        let under_first: &dyn Fn(&mut Self) = &|r| {
            r.mark();
            r.columns(select);
            r.drop_indent();
        };
        let on_next_line: &dyn Fn(&mut Self) = &|r| {
            r.fresh(2);
            r.deepen();
            r.push("  ");
            r.columns(select);
            r.drop_indent();
            r.drop_indent();
        };
        self.choose(&[under_first, on_next_line]);
        self.clauses(select);
    }

    fn clauses(&mut self, select: &Select) {
        self.line_break();
        self.push("FROM ");
        self.source(&select.from);
        if let Some(filter) = &select.filter {
            self.line_break();
            self.push("WHERE ");
            self.list(filter);
        }
        if let Some(group_by) = &select.group_by {
            self.line_break();
            self.push("GROUP BY ");
            // Kept to the end, so that the clauses that follow are aligned with the key.
            self.mark();
            self.list(group_by);
        }
        if let Some(order_by) = &select.order_by {
            self.line_break();
            self.push("ORDER BY ");
            self.push(&order_by.column.source);
            if order_by.descending {
                self.push(" DESC ");
            }
        }
        if let Some(limit) = &select.limit {
            self.line_break();
            self.push("LIMIT ");
            self.push(&format!("{} ", limit.rows));
        }
        if select.group_by.is_some() {
            self.drop_indent();
        }
    }

    fn columns(&mut self, select: &Select) {
        if select.star {
            self.push("*");
            if !select.columns.is_empty() {
                self.push(", ");
            }
        }
        for (index, column) in select.columns.iter().enumerate() {
            if index > 0 {
                self.push(", ");
                self.line_break();
            }
            let is_first = index == 0 && !select.star;
            self.column(column, is_first);
        }
    }

    fn column(&mut self, column: &Column, is_first: bool) {
        self.comment_lines(&column.comments);
        let alias = column.alias.as_ref();
        match &column.kind {
            ColumnKind::Star => {
                self.push("*");
                self.alias(alias);
            }
            ColumnKind::Query(select) => self.column_query(select, alias),
            ColumnKind::Expr(expr) => {
                let one_line: &dyn Fn(&mut Self) = &|r| {
                    r.cursor.one_line = true;
                    r.expr(expr);
                    r.alias(alias);
                };
                let several_lines: &dyn Fn(&mut Self) = &|r| {
                    let stays = is_first && alias.is_some();
                    if !stays && !r.cursor.line_is_blank {
                        r.line_break();
                    }
                    r.expr(expr);
                    r.alias(alias);
                };
                self.choose(&[one_line, several_lines]);
            }
        }
    }

    fn column_query(&mut self, select: &Select, alias: Option<&Name>) {
        self.push("{ ");
        self.fresh(2);
        self.deepen();
        if self.cursor.one_line {
            self.select(select);
            self.push(" ");
        } else {
            self.push("  ");
            self.select(select);
            self.line_break();
        }
        self.push("}");
        self.alias(alias);
        self.drop_indent();
        self.drop_indent();
    }

    fn alias(&mut self, alias: Option<&Name>) {
        if let Some(alias) = alias {
            self.push(" AS ");
            self.push(&alias.source);
        }
    }

    pub(crate) fn source(&mut self, source: &Source) {
        self.push(&dotted(&source.path));
        if let Some(args) = &source.args {
            self.arguments(args);
        }
    }
}

/// A dotted name as typed, without blanks around the dots.
pub(super) fn dotted(path: &[Name]) -> String {
    let parts: Vec<&str> = path.iter().map(|part| &*part.source).collect();
    parts.join(".")
}
