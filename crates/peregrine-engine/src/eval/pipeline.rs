//! Rows through WHERE and the columns.
//!
//! One row scope (the source row over the outer scope) and, for WHERE and GROUP BY, one alias scope above it
//! are reused from row to row as long as nobody keeps a reference to them. Once a few rows with the same
//! columns have passed, expressions are bound to those columns (`bound/shape.rs`), and most rows need no scope at
//! all.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashSet;

use super::bound::shape::{self, Adapter, Cell, Output, Shape};
use super::explain;
use super::expr::{eval, eval_truth};
use super::materialize::materialize;
use super::node::{ColumnKind, ColumnNode, Node};
use super::select::{Aliases, SelectNode};
use crate::aggregate::AggregateContext;
use crate::layer::Layer;
use crate::memory;
use crate::query::{FnSink, RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Columns, Row, Str, Value};

/// WHERE and columns, without GROUP BY.
pub(crate) struct Projector<'a> {
    rows: &'a mut dyn RowSink,
    current: CurrentRow<'a>,
}

impl<'a> Projector<'a> {
    pub(crate) fn new(select: &'a SelectNode, scope: &'a Scope, rows: &'a mut dyn RowSink) -> Projector<'a> {
        Projector {
            rows,
            current: CurrentRow::new(select, scope, select.filter.is_some()),
        }
    }
}

impl RowSink for Projector<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        self.current.count_row()?;
        match self.current.project_bound(&row) {
            Progress::Output(row) => return self.emit(row),
            Progress::Same => return self.rows.push(row.plain()),
            Progress::Partly => {
                return match self.current.project_partly(row) {
                    Some(row) => self.emit(row),
                    None => Ok(()),
                };
            }
            Progress::Dropped => return Ok(()),
            Progress::Unbound => {}
        }
        if !self.current.load(row) {
            return Ok(());
        }
        let row = self.current.project();
        if self.current.outer.0.explain {
            explain::emitting(self.current.outer, &row);
        }
        self.emit(row)
    }
}

impl Projector<'_> {
    /// Passes a row on, unless the query was ended while it was built: then it may be incomplete.
    #[inline]
    fn emit(&mut self, row: Row) -> Result<(), Stop> {
        if memory::has_ended() {
            return Err(Stop);
        }
        self.rows.push(row)
    }
}

/// The row being worked on, with its scopes.
pub(crate) struct CurrentRow<'a> {
    select: &'a SelectNode,
    pub(crate) outer: &'a Scope,
    /// The source row over the outer scope.
    row_scope: Scope,
    /// The lazy cells over the row; only for WHERE and GROUP BY.
    alias_scope: Option<Scope>,
    /// How the output is assembled for rows with these columns.
    plan: Option<Plan>,
    /// The query bound to the columns most rows have.
    shape: Option<Box<Shape>>,
    pub(super) adapter: Adapter,
    pub(super) rows_scanned: u64,
    pub(super) functions_called: u64,
}

/// The outcome of a row in the bound query.
enum Progress {
    Output(Row),
    /// The row itself is the output row.
    Same,
    /// WHERE let it pass; some columns have to be evaluated in a scope.
    Partly,
    Dropped,
    /// It has another shape, or the query could not be bound: left to the scope.
    Unbound,
}

/// Output columns for source rows of one shape.
pub(super) struct Plan {
    source: Arc<Columns>,
    pub(super) columns: Arc<Columns>,
    pub(super) origins: Vec<Origin>,
}

pub(super) enum Origin {
    /// A value of the source row.
    Source(usize),
    /// An output column.
    Cell(usize),
}

impl<'a> CurrentRow<'a> {
    pub(crate) fn new(select: &'a SelectNode, outer: &'a Scope, with_aliases: bool) -> CurrentRow<'a> {
        let row_scope = outer.nest(Layer::None, 1);
        let alias_scope = with_aliases.then(|| row_scope.nest(Layer::Cells(Arc::new(Cells::of(select))), 0));
        outer.0.root.stats.scopes.fetch_add(1, Ordering::Relaxed);
        CurrentRow {
            select,
            outer,
            row_scope,
            alias_scope,
            plan: None,
            shape: None,
            adapter: Adapter::new(outer),
            rows_scanned: 0,
            functions_called: 0,
        }
    }

    /// Counts a source row; `Err` when the query should end.
    #[inline]
    pub(crate) fn count_row(&mut self) -> Result<(), Stop> {
        self.rows_scanned += 1;
        self.outer.checkpoint()
    }

    /// Processes a row without a scope, if the query is bound to its shape.
    #[inline]
    fn project_bound(&mut self, row: &Row) -> Progress {
        let mut values = self.shape.as_ref().and_then(|shape| shape.values(row));
        if values.is_none() {
            values = self.adapt(row);
        }
        let (Some(values), Some(shape)) = (values, &mut self.shape) else {
            return Progress::Unbound;
        };
        let mut around = shape::shared(self.outer);
        let progress = if !shape.passes(values, &mut around) {
            Progress::Dropped
        } else {
            match &mut shape.output {
                Output::Same => Progress::Same,
                Output::Cells(..) if !shape.is_scopeless => Progress::Partly,
                Output::Cells(names, cells) => Progress::Output(match &mut **cells {
                    [only] => Row::single(names, only.value(values, &mut around)),
                    cells => {
                        let mut output = Vec::with_capacity(cells.len());
                        output.extend(cells.iter_mut().map(|cell| cell.value(values, &mut around)));
                        Row::new(names, output)
                    }
                }),
            }
        };
        self.functions_called += around.calls;
        progress
    }

    /// Projects a row of the bound shape that passed WHERE; some columns need a scope.
    fn project_partly(&mut self, row: Row) -> Option<Row> {
        self.place(row);
        let mut shape = self.shape.take()?;
        let mut around = shape::shared(self.outer);
        let mut projected = None;
        if let (Output::Cells(names, cells), Some((_, values))) =
            (&mut shape.output, self.source_row().and_then(Row::slots))
        {
            let output = cells.iter_mut().map(|cell| match cell {
                Cell::Scoped(position) => self.cell(*position),
                cell => cell.value(values, &mut around),
            });
            projected = Some(Row::new(names, output.collect()));
        }
        self.functions_called += around.calls;
        self.shape = Some(shape);
        projected
    }

    /// Called for a row that did not fit: binds to its columns when that is due, and returns its values if it
    /// fits now.
    #[cold]
    fn adapt<'r>(&mut self, row: &'r Row) -> Option<&'r [Value]> {
        if !self.adapter.is_due(self.rows_scanned) {
            return None;
        }
        let (columns, _) = row.slots()?;
        self.shape = Shape::bind(self.select, self.outer, columns).map(Box::new);
        self.shape.as_ref()?.values(row)
    }

    /// Takes the next source row; false when WHERE drops it.
    pub(crate) fn load(&mut self, row: Row) -> bool {
        self.place(row);
        let Some(filter) = &self.select.filter else {
            return true;
        };
        let passes = eval_truth(filter, self.alias_scope());
        if !passes && self.outer.0.explain {
            explain::rejected(self.outer, &self.select.filter_text);
        }
        passes
    }

    /// Makes a row the current one.
    pub(crate) fn place(&mut self, row: Row) {
        let reset = self.detach_aliases(true);
        match Arc::get_mut(&mut self.row_scope.0) {
            Some(node) if !node.is_touched() => node.layer = Layer::Row(row),
            _ => self.row_scope = self.outer.nest(Layer::Row(row), 1),
        }
        if !reset {
            return;
        }
        match self
            .alias_scope
            .as_mut()
            .and_then(|scope| Arc::get_mut(&mut scope.0))
        {
            Some(node) => node.parent = Some(self.row_scope.clone()),
            None => {
                let cells = Layer::Cells(Arc::new(Cells::of(self.select)));
                self.alias_scope = Some(self.row_scope.nest(cells, 0));
            }
        }
    }

    /// The scope WHERE and GROUP BY see.
    pub(crate) fn alias_scope(&self) -> &Scope {
        self.alias_scope.as_ref().unwrap_or(&self.row_scope)
    }

    /// The current source row.
    pub(crate) fn source_row(&self) -> Option<&Row> {
        match &self.row_scope.0.layer {
            Layer::Row(row) => Some(row),
            _ => None,
        }
    }

    /// Lets the columns not evaluated yet use these aggregates. By then, WHERE and the key have been
    /// evaluated.
    pub(crate) fn use_aggregates(&mut self, aggregates: Arc<AggregateContext>) {
        self.detach_aliases(false);
        match Arc::get_mut(&mut self.row_scope.0) {
            Some(node) => node.aggregates = aggregates,
            None => {
                let mut node = self.outer.node(self.row_scope.0.layer.clone(), 1);
                node.aggregates = aggregates;
                self.row_scope = Scope(Arc::new(node));
            }
        }
    }

    /// The output row.
    pub(crate) fn project(&mut self) -> Row {
        let Some(columns) = self.select.fixed_columns() else {
            return self.project_star();
        };
        match &*self.select.aliases.defined_by {
            [only] => Row::single(columns, self.cell(*only)),
            cells => Row::new(columns, cells.iter().map(|cell| self.cell(*cell)).collect()),
        }
    }

    fn project_star(&mut self) -> Row {
        let (source, values) = match self.source_row() {
            Some(row) => named_values(row, self.outer),
            None => (Arc::new(Columns::empty()), Vec::new()),
        };
        let known = self.plan.take().filter(|plan| Arc::ptr_eq(&plan.source, &source));
        let plan = known.unwrap_or_else(|| Plan::new(self.select, source));
        let mut cells = Vec::with_capacity(plan.origins.len());
        for (position, origin) in plan.origins.iter().enumerate() {
            cells.push(match origin {
                Origin::Source(source) => {
                    let value = values.get(*source).cloned().unwrap_or_default();
                    let name = plan.columns.names().get(position).cloned().unwrap_or_default();
                    expand(value, &self.row_scope, &name)
                }
                Origin::Cell(cell) => self.cell(*cell),
            });
        }
        let row = Row::new(&plan.columns, cells);
        self.plan = Some(plan);
        row
    }

    /// The value of an output column, at most once per row.
    fn cell(&self, position: usize) -> Value {
        let known = self.alias_scope.as_ref().and_then(|scope| match &scope.0.layer {
            Layer::Cells(cells) => cells.values.get(position)?.get().cloned(),
            _ => None,
        });
        known.unwrap_or_else(|| cell_value(&self.select.columns[position], &self.row_scope))
    }

    /// Detaches the alias scope from the row scope, so that the row scope can be changed in place; with
    /// `reset` it also forgets its cells. False when there is no alias scope.
    fn detach_aliases(&mut self, reset: bool) -> bool {
        let Some(scope) = &mut self.alias_scope else {
            return false;
        };
        match Arc::get_mut(&mut scope.0) {
            Some(node) if !node.is_touched() => {
                node.parent = None;
                if reset && let Layer::Cells(cells) = &mut node.layer {
                    match Arc::get_mut(cells) {
                        Some(cells) => cells.reset(),
                        None => *cells = Arc::new(Cells::of(self.select)),
                    }
                }
            }
            _ if reset => self.alias_scope = None,
            _ => {}
        }
        true
    }
}

impl Drop for CurrentRow<'_> {
    fn drop(&mut self) {
        let stats = &self.outer.0.root.stats;
        stats.rows.fetch_add(self.rows_scanned, Ordering::Relaxed);
        stats
            .functions
            .fetch_add(self.functions_called, Ordering::Relaxed);
    }
}

impl Plan {
    pub(super) fn new(select: &SelectNode, source: Arc<Columns>) -> Plan {
        let mut entries: Vec<(Str, Origin)> = Vec::new();
        // A row that was a dict may have many columns.
        let mut known: FxHashSet<Str> = FxHashSet::default();
        let add_source = |entries: &mut Vec<(Str, Origin)>, known: &mut FxHashSet<Str>| {
            for (i, name) in source.names().iter().enumerate() {
                if known.insert(name.clone()) {
                    entries.push((name.clone(), Origin::Source(i)));
                }
            }
        };
        if select.star {
            add_source(&mut entries, &mut known);
        }
        for (i, column) in select.columns.iter().enumerate() {
            if matches!(column.kind, ColumnKind::Star) {
                add_source(&mut entries, &mut known);
            } else {
                if !known.insert(column.name.clone()) {
                    entries.retain(|(name, _)| *name != column.name);
                }
                entries.push((column.name.clone(), Origin::Cell(i)));
            }
        }
        let (names, origins): (Vec<Str>, Vec<Origin>) = entries.into_iter().unzip();
        Plan {
            columns: Columns::new(names),
            source,
            origins,
        }
    }
}

/// The columns and values `*` shows of a row.
fn named_values(row: &Row, scope: &Scope) -> (Arc<Columns>, Vec<Value>) {
    match row.as_value() {
        None | Some(Value::Dict(_)) => (row.columns(), row.values()),
        Some(value @ (Value::Object(_) | Value::Array(_))) => {
            let names = value.member_names(scope);
            let values = names
                .iter()
                .map(|name| value.member(scope, name).unwrap_or_default())
                .collect();
            (Columns::new(names), values)
        }
        Some(_) => (row.columns(), Vec::new()),
    }
}

/// Lazy output columns, visible to WHERE and GROUP BY.
pub(crate) struct Cells {
    columns: Arc<[ColumnNode]>,
    aliases: Arc<Aliases>,
    values: Box<[OnceLock<Value>]>,
}

impl Cells {
    fn of(select: &SelectNode) -> Cells {
        Cells {
            columns: Arc::clone(&select.columns),
            aliases: Arc::clone(&select.aliases),
            values: select.columns.iter().map(|_| OnceLock::new()).collect(),
        }
    }

    /// The value of an alias; `scope` carries this layer, its parent is the row scope.
    pub(crate) fn get(&self, scope: &Scope, name: &[u8]) -> Option<Value> {
        let position = self.aliases.names.position(name)?;
        let column = *self.aliases.defined_by.get(position)?;
        let slot = self.values.get(column)?;
        if let Some(known) = slot.get() {
            return Some(known.clone());
        }
        let value = cell_value(self.columns.get(column)?, scope.0.parent.as_ref()?);
        Some(slot.get_or_init(|| value).clone())
    }

    /// The aliases.
    pub(crate) fn names(&self) -> Vec<Str> {
        self.aliases.names.names().to_vec()
    }

    fn reset(&mut self) {
        for slot in &mut self.values {
            slot.take();
        }
    }
}

fn cell_value(column: &ColumnNode, scope: &Scope) -> Value {
    match &column.kind {
        ColumnKind::Star => Value::Null,
        ColumnKind::Expr(node) => expand_expr(node, scope, &column.name),
        ColumnKind::Query(select) => sub_select(select, scope),
    }
}

fn expand_expr(node: &Node, scope: &Scope, name: &Str) -> Value {
    match eval(node, scope) {
        // Rows held in a file have no value in an expression.
        Value::Query(query) if query.is_file_backed() => Value::Null,
        Value::Query(query) => expand(Value::Query(query), scope, name),
        value => value,
    }
}

/// Replaces a query in a cell by its rows.
fn expand(value: Value, scope: &Scope, name: &Str) -> Value {
    match value {
        Value::Query(query) if query.rows_in_memory().is_none() && !query.is_file_backed() => {
            materialize(scope, &query, &name.as_utf8_lossy())
        }
        Value::Lazy(lazy) => expand(lazy.force(scope), scope, name),
        value => value,
    }
}

/// `{ SELECT … }` as a column: rows of one column become bare values; no row becomes NULL, a single one
/// itself.
fn sub_select(select: &Arc<SelectNode>, scope: &Scope) -> Value {
    let mut items: Vec<Value> = Vec::new();
    let result = crate::stack::grow(|| {
        select.run(
            scope,
            &mut FnSink(|row: Row| {
                items.push(row.sole_value().unwrap_or_else(|| row.into_value()));
                Ok(())
            }),
        )
    });
    // When it is stopped, the rows so far remain.
    let _ = result;
    match items.len() {
        0 => Value::Null,
        1 => items.pop().unwrap_or_default(),
        _ => Value::array(items),
    }
}
