//! The canonical print, on one line. Users see it, because columns without an alias are named by it.

use crate::ast::{Column, ColumnKind, Expr, Select, Source, Statement};
use crate::render::Renderer;

/// An expression on one line, such as `a  AND f(x=1)`.
#[must_use]
pub fn print_expr(expr: &Expr) -> String {
    print(|renderer| renderer.expr(expr))
}

/// A SELECT on one line.
#[must_use]
pub fn print_select(select: &Select) -> String {
    print(|renderer| renderer.select(select))
}

/// The source after `FROM`, on one line.
#[must_use]
pub fn print_source(source: &Source) -> String {
    print(|renderer| renderer.source(source))
}

/// A statement on one line, without its comments.
#[must_use]
pub fn print_statement(statement: &Statement) -> String {
    print(|renderer| renderer.statement(statement))
}

/// The name of an output column: its alias, else its canonical print. If the print starts with a backtick,
/// its first and last characters are dropped. A `*`, which represents other columns, is named `*`.
#[must_use]
pub fn column_name(column: &Column) -> String {
    if let Some(alias) = &column.alias {
        return alias.text.to_string();
    }
    let name = match &column.kind {
        ColumnKind::Star => "*".to_owned(),
        ColumnKind::Query(select) => format!("{{ {} }}", untrimmed(|renderer| renderer.select(select))),
        ColumnKind::Expr(expr) => print_expr(expr),
    };
    match name.strip_prefix('`') {
        Some(rest) => {
            let mut rest = rest.to_owned();
            rest.pop();
            rest
        }
        None => name,
    }
}

fn print(node: impl FnOnce(&mut Renderer)) -> String {
    untrimmed(node).trim().to_owned()
}

fn untrimmed(node: impl FnOnce(&mut Renderer)) -> String {
    let mut renderer = Renderer::one_line();
    node(&mut renderer);
    renderer.into_text()
}
