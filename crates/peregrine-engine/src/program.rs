//! Programs: whole query texts, parsed and compiled, ready to run.

use std::sync::Arc;

use peregrine_vql::ast::{Statement as AstStatement, StatementKind};
use peregrine_vql::{Diagnostic, parse, print_statement};

use crate::eval::{LetNode, SelectNode, compile};
use crate::layer::Layer;
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Columns, Row, Str, Value};

/// A query text: its statements in order.
#[derive(Debug)]
pub struct Program {
    statements: Vec<Statement>,
}

/// `LET …` or `SELECT …`.
#[derive(Debug, Clone)]
pub struct Statement {
    text: Arc<str>,
    kind: Arc<Kind>,
}

enum Kind {
    Let(LetNode),
    Select(Box<SelectNode>),
}

impl Program {
    /// Parses and compiles. Syntax errors are the only possible errors, and they are found before anything
    /// runs.
    pub fn compile(text: &str) -> Result<Program, Vec<Diagnostic>> {
        let file = parse(text)?;
        Ok(Program {
            statements: file.statements.iter().map(Statement::new).collect(),
        })
    }

    /// The statements in source order; they share one scope.
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Runs all statements; the rows of all SELECTs go to one sink.
    pub fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        self.statements
            .iter()
            .try_for_each(|statement| statement.run(scope, rows))
    }
}

impl Statement {
    fn new(statement: &AstStatement) -> Statement {
        let kind = match &statement.kind {
            StatementKind::Let(statement) => Kind::Let(compile::let_statement(statement)),
            StatementKind::Select(select) => Kind::Select(Box::new(compile::select(select))),
        };
        Statement {
            text: print_statement(statement).trim_end().into(),
            kind: Arc::new(kind),
        }
    }

    /// True for SELECT.
    #[must_use]
    pub fn is_select(&self) -> bool {
        matches!(*self.kind, Kind::Select(_))
    }

    /// The canonical print.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names of the output columns, unless `*` makes them depend on the rows.
    #[must_use]
    pub fn column_hint(&self) -> Option<Vec<Str>> {
        match &*self.kind {
            Kind::Let(_) => None,
            Kind::Select(select) => select.fixed_columns().map(|columns| columns.names().to_vec()),
        }
    }

    /// Runs the statement in `scope`. LET binds a name there and yields no rows. `Err(Stop)`: the sink asked
    /// to stop, or the query was cancelled.
    pub fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        if scope.is_stopping() || scope.cancellation().is_cancelled() {
            return Err(Stop);
        }
        crate::stack::grow(|| match &*self.kind {
            Kind::Let(statement) => {
                statement.run(scope);
                if scope.cancellation().is_cancelled() {
                    Err(Stop)
                } else {
                    Ok(())
                }
            }
            Kind::Select(select) => {
                let text = Row::single(&query_columns(), Value::str(&*self.text));
                select.run(&scope.nest(Layer::Row(text), 0), rows)
            }
        })
    }
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Let(_) => "Let",
            Kind::Select(_) => "Select",
        })
    }
}

fn query_columns() -> Arc<Columns> {
    static COLUMNS: std::sync::LazyLock<Arc<Columns>> = std::sync::LazyLock::new(|| Columns::new(["$Query"]));
    Arc::clone(&COLUMNS)
}
