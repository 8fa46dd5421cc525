//! SELECT: its parts and their order.

use std::any::Any;
use std::sync::Arc;

use super::group::Grouper;
use super::node::{ColumnNode, Node, SourceNode};
use super::order::{Order, Sorter};
use super::pipeline::Projector;
use super::{explain, overflow};
use crate::query::{QuerySource, RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Columns, Row};

/// A compiled SELECT.
pub(crate) struct SelectNode {
    /// A leading `*`.
    pub(crate) star: bool,
    pub(crate) columns: Arc<[ColumnNode]>,
    /// The names of `columns` that are not `*`, each once, with the column that defines it last.
    pub(crate) aliases: Arc<Aliases>,
    pub(crate) source: SourceNode,
    pub(crate) filter: Option<Node>,
    /// WHERE as text, for EXPLAIN.
    pub(crate) filter_text: Arc<str>,
    pub(crate) group_by: Option<Node>,
    pub(crate) order_by: Option<Order>,
    pub(crate) limit: Option<i64>,
    pub(crate) explain: bool,
    /// The canonical print.
    pub(crate) text: Arc<str>,
}

/// Output names in output order, with their columns.
pub(crate) struct Aliases {
    pub(crate) names: Arc<Columns>,
    pub(crate) defined_by: Box<[usize]>,
}

impl SelectNode {
    /// The output columns, when no `*` makes them depend on the rows.
    pub(crate) fn fixed_columns(&self) -> Option<&Arc<Columns>> {
        (!self.has_star()).then_some(&self.aliases.names)
    }

    /// True if there is a `*` anywhere.
    pub(crate) fn has_star(&self) -> bool {
        self.star
            || self
                .columns
                .iter()
                .any(|column| matches!(column.kind, super::node::ColumnKind::Star))
    }

    /// The column an alias names.
    pub(crate) fn alias(&self, name: &[u8]) -> Option<&ColumnNode> {
        let position = self.aliases.names.position(name)?;
        self.columns.get(*self.aliases.defined_by.get(position)?)
    }

    /// The position of an alias in the output, when no `*` makes it depend on the rows.
    pub(crate) fn output_position(&self, name: &[u8]) -> Option<usize> {
        self.fixed_columns()?.position(name)
    }

    /// Runs the query over `scope`.
    pub(crate) fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        if overflow(scope) {
            return Ok(());
        }
        if self.explain {
            let mut node = scope.node(crate::layer::Layer::None, 0);
            node.explain = true;
            let scope = Scope(Arc::new(node));
            explain::start(&scope, &self.text);
            return self.run_limited(&scope, rows);
        }
        if scope.0.explain {
            explain::start(scope, &self.text);
        }
        self.run_limited(scope, rows)
    }

    fn run_limited(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let Some(limit) = self.limit else {
            return self.run_ordered(scope, rows);
        };
        let mut limited = Limiter {
            left: limit,
            rows,
            satisfied: false,
        };
        match self.run_ordered(scope, &mut limited) {
            Err(Stop) if limited.satisfied => Ok(()),
            result => result,
        }
    }

    fn run_ordered(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let Some(order) = &self.order_by else {
            return self.run_grouped(scope, rows);
        };
        let mut sorter = Sorter::new(scope, order.clone(), "ORDER BY");
        match self.run_grouped(scope, &mut sorter) {
            Err(Stop) if sorter.has_failed() => {}
            result => result?,
        }
        sorter.finish(rows)
    }

    fn run_grouped(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        match &self.group_by {
            Some(key) => {
                let mut grouper = Grouper::new(self, key, scope);
                match self.source.run(scope, &mut grouper) {
                    Err(Stop) if grouper.has_failed() => {}
                    result => result?,
                }
                grouper.finish(rows)
            }
            None => self.source.run(scope, &mut Projector::new(self, scope, rows)),
        }
    }
}

impl Aliases {
    /// Of repeated names the last one counts, at its own position.
    pub(crate) fn of(columns: &[ColumnNode]) -> Aliases {
        let named = |column: &ColumnNode| !matches!(column.kind, super::node::ColumnKind::Star);
        let mut kept: Vec<usize> = Vec::new();
        for (i, column) in columns.iter().enumerate().filter(|(_, column)| named(column)) {
            kept.retain(|earlier| columns[*earlier].name != column.name);
            kept.push(i);
        }
        Aliases {
            names: Columns::new(kept.iter().map(|i| columns[*i].name.clone())),
            defined_by: kept.into(),
        }
    }
}

/// Passes the first rows on. The check follows delivery: `LIMIT 0` passes one.
struct Limiter<'a> {
    left: i64,
    rows: &'a mut dyn RowSink,
    satisfied: bool,
}

impl RowSink for Limiter<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        self.rows.push(row)?;
        self.left -= 1;
        if self.left <= 0 {
            self.satisfied = true;
            return Err(Stop);
        }
        Ok(())
    }
}

/// `{ SELECT … }` as a value: runs in the scope where its rows are used.
pub(crate) struct SubQuery(pub(crate) Arc<SelectNode>);

impl QuerySource for SubQuery {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        self.0.run(scope, rows)
    }

    fn text(&self) -> String {
        self.0.text.to_string()
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}
