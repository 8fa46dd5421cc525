//! A SELECT for rows of one shape: its expressions, bound to their columns.

use std::sync::Arc;

use super::{Binder, Bound, States, Surroundings};
use crate::eval::node::{ColumnKind, Node};
use crate::eval::pipeline::{Origin, Plan};
use crate::eval::select::SelectNode;
use crate::scope::Scope;
use crate::value::{Columns, Row, Str, Value};

/// How many times a query adapts to another shape of rows; a source that keeps changing is left to the scope.
const ATTEMPTS: u32 = 16;

/// A SELECT bound to one list of columns.
pub(crate) struct Shape {
    columns: Arc<Columns>,
    /// Positions that must hold plain values.
    used: Box<[usize]>,
    filter: Option<Bound>,
    pub(crate) output: Output,
    /// True when no output value needs a scope for the row.
    pub(crate) is_scopeless: bool,
}

/// The output row.
pub(crate) enum Output {
    /// The source row as it is.
    Same,
    /// One value per name.
    Cells(Arc<Columns>, Box<[Cell]>),
}

/// An output value.
pub(crate) enum Cell {
    /// A value of the source row.
    Source(usize),
    /// A bound expression.
    Bound(Bound),
    /// An output column that needs the row in a scope.
    Scoped(usize),
}

impl Shape {
    /// `None` when WHERE needs a scope, or when nothing could be bound.
    pub(crate) fn bind(select: &SelectNode, outer: &Scope, columns: &Arc<Columns>) -> Option<Shape> {
        let mut binder = Binder {
            columns,
            outer,
            used: Vec::new(),
            allows_aggregates: false,
        };
        let filter = match &select.filter {
            Some(node) => Some(binder.filter(node, select)?),
            None => None,
        };
        let cell = |position: usize, binder: &mut Binder<'_>| match &select.columns[position].kind {
            ColumnKind::Expr(node) => binder.cell(node).map_or(Cell::Scoped(position), Cell::Bound),
            ColumnKind::Star | ColumnKind::Query(_) => Cell::Scoped(position),
        };
        let output = match select.fixed_columns() {
            Some(names) => {
                let cells = select
                    .aliases
                    .defined_by
                    .iter()
                    .map(|position| cell(*position, &mut binder));
                Output::Cells(Arc::clone(names), cells.collect())
            }
            None => {
                binder.used = (0..columns.len()).collect();
                if select.columns.is_empty() {
                    Output::Same
                } else {
                    let plan = Plan::new(select, Arc::clone(columns));
                    let cells = plan.origins.iter().map(|origin| match origin {
                        Origin::Source(position) => Cell::Source(*position),
                        Origin::Cell(position) => cell(*position, &mut binder),
                    });
                    Output::Cells(plan.columns, cells.collect())
                }
            }
        };
        let (all_scoped, is_scopeless) = match &output {
            Output::Same => (false, true),
            Output::Cells(_, cells) => {
                let is_scoped = |cell: &Cell| matches!(cell, Cell::Scoped(_));
                (cells.iter().all(is_scoped), !cells.iter().any(is_scoped))
            }
        };
        (filter.is_some() || !all_scoped).then(|| Shape {
            columns: Arc::clone(columns),
            used: binder.used.into(),
            filter,
            output,
            is_scopeless,
        })
    }

    /// The values of the row, if it has this shape.
    #[inline]
    pub(crate) fn values<'r>(&self, row: &'r Row) -> Option<&'r [Value]> {
        let (columns, values) = row.slots()?;
        let fits = Arc::ptr_eq(columns, &self.columns)
            && self
                .used
                .iter()
                .all(|position| values.get(*position).is_some_and(is_plain));
        fits.then_some(values)
    }

    /// False when the row is to be dropped.
    #[inline]
    pub(crate) fn passes(&mut self, values: &[Value], around: &mut Surroundings<'_>) -> bool {
        self.filter
            .as_mut()
            .is_none_or(|filter| filter.truth(values, around))
    }
}

impl Cell {
    /// The value; NULL for what needs a scope.
    #[inline]
    pub(crate) fn value(&mut self, values: &[Value], around: &mut Surroundings<'_>) -> Value {
        match self {
            Cell::Bound(bound) => bound.value(values, around),
            Cell::Source(position) => values.get(*position).cloned().unwrap_or_default(),
            Cell::Scoped(_) => Value::Null,
        }
    }
}

/// A value that is the same in every scope.
#[inline]
fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Lazy(_) | Value::Query(_) | Value::Scope(_))
}

/// Decides when to bind, and to what.
pub(crate) struct Adapter {
    /// Rows to wait before each attempt.
    wait: u32,
    patience: u32,
    attempts: u32,
    /// The number of rows at the last decision.
    decided_at: u64,
}

impl Adapter {
    pub(crate) fn new(scope: &Scope) -> Adapter {
        let wait = scope.context().bind_after;
        Adapter {
            wait,
            patience: wait,
            // EXPLAIN describes evaluation in a scope.
            attempts: if scope.0.explain { 0 } else { ATTEMPTS },
            decided_at: 0,
        }
    }

    /// Called after the last of `rows` rows did not fit: true when binding to its shape should be tried now.
    #[inline]
    pub(crate) fn is_due(&mut self, rows: u64) -> bool {
        if self.attempts == 0 {
            return false;
        }
        if self.patience > 0 {
            self.patience -= 1;
            return false;
        }
        self.patience = self.wait;
        let since = rows.saturating_sub(std::mem::replace(&mut self.decided_at, rows));
        // Most of them fitted; another shape would fit fewer.
        if since > 2 * (u64::from(self.wait) + 1) {
            return false;
        }
        self.attempts -= 1;
        true
    }
}

/// Surroundings whose aggregates belong to the scope.
pub(crate) fn shared(scope: &Scope) -> Surroundings<'_> {
    Surroundings {
        scope,
        states: States::Shared(&scope.0.aggregates),
        calls: 0,
    }
}

/// A SELECT with GROUP BY bound to one list of columns.
pub(crate) struct GroupShape {
    shape: Shape,
    key: Bound,
    /// The text of the key, when it is the same for every row.
    pub(crate) constant_key: Option<Str>,
    /// The output value that is also the key, so that it is not computed twice.
    key_cell: Option<usize>,
    /// Output values that call something (aggregates included) or are the key: they are computed for every
    /// row, the others for the last row only.
    every_row: Box<[usize]>,
    /// Some output value is computed from the last row of a group.
    pub(crate) needs_last_row: bool,
}

/// The key of a row.
pub(crate) enum Key {
    /// WHERE drops the row.
    None,
    /// All rows have the same key.
    Constant,
    Int(i64),
    Text(Str),
}

impl GroupShape {
    /// `None` when some part needs a scope.
    pub(crate) fn bind(
        select: &SelectNode,
        key: &Node,
        outer: &Scope,
        columns: &Arc<Columns>,
    ) -> Option<GroupShape> {
        let mut shape = Shape::bind(select, outer, columns).filter(|shape| shape.is_scopeless)?;
        let mut binder = Binder {
            columns,
            outer,
            used: shape.used.to_vec(),
            allows_aggregates: false,
        };
        let Output::Cells(_, cells) = &shape.output else {
            return None;
        };
        let aliased = match key {
            Node::Symbol(symbol) if symbol.is_plain_name() => select.output_position(&symbol.name),
            _ => None,
        };
        // An alias that calls something is evaluated once, as an output value.
        let key_cell = aliased.filter(|position| match cells.get(*position) {
            Some(Cell::Bound(bound)) => !bound.has_aggregate(),
            _ => false,
        });
        let key = match key_cell {
            Some(_) => Bound::Const(Value::Null),
            None => binder.filter(key, select)?,
        };
        let every_row = cells.iter().enumerate().filter(|(position, cell)| {
            key_cell == Some(*position) || matches!(cell, Cell::Bound(bound) if bound.has_call())
        });
        let every_row: Box<[usize]> = every_row.map(|(position, _)| position).collect();
        let is_fixed = |cell: &Cell| matches!(cell, Cell::Bound(Bound::Const(_)));
        let needs_last_row = (0..)
            .zip(cells)
            .any(|(position, cell)| !every_row.contains(&position) && !is_fixed(cell));
        let constant_key = match (&key, key_cell) {
            (Bound::Const(value), None) => Some(value.to_text(outer)),
            _ => None,
        };
        shape.used = binder.used.into();
        Some(GroupShape {
            shape,
            key,
            constant_key,
            key_cell,
            every_row,
            needs_last_row,
        })
    }

    /// The values of the row, if it has this shape.
    #[inline]
    pub(crate) fn values<'r>(&self, row: &'r Row) -> Option<&'r [Value]> {
        self.shape.values(row)
    }

    /// The key of the row.
    #[inline]
    pub(crate) fn key(&mut self, values: &[Value], scope: &Scope) -> Key {
        let mut around = shared(scope);
        if !self.shape.passes(values, &mut around) {
            return Key::None;
        }
        if self.constant_key.is_some() {
            return Key::Constant;
        }
        let key = match (self.key_cell, &mut self.shape.output) {
            (Some(cell), Output::Cells(_, cells)) => match cells.get_mut(cell) {
                Some(Cell::Bound(bound)) => bound,
                _ => &mut self.key,
            },
            _ => &mut self.key,
        };
        match key.int(values) {
            Some(number) => Key::Int(number),
            None => match key.value(values, &mut around) {
                Value::Int(number) => Key::Int(number),
                value => Key::Text(value.to_text(scope)),
            },
        }
    }

    /// Computes the output values that every row needs into `states`; returns the number of functions called.
    #[inline]
    pub(crate) fn update(
        &mut self,
        values: &[Value],
        scope: &Scope,
        states: States<'_>,
        out: &mut Vec<Value>,
    ) -> u64 {
        let Output::Cells(_, cells) = &mut self.shape.output else {
            return 0;
        };
        let mut around = Surroundings {
            scope,
            states,
            calls: 0,
        };
        out.clear();
        for position in &self.every_row {
            if let Some(cell) = cells.get_mut(*position) {
                out.push(cell.value(values, &mut around));
            }
        }
        around.calls
    }

    /// The output row of a group's last row; `states` are what [`GroupShape::update`] computed.
    pub(crate) fn output(&mut self, row: &Row, scope: &Scope, states: Vec<Value>) -> Row {
        let (Output::Cells(names, cells), Some((_, values))) = (&mut self.shape.output, row.slots()) else {
            return Row::gone();
        };
        let mut around = shared(scope);
        let mut states = self.every_row.iter().zip(states).peekable();
        let output = cells.iter_mut().enumerate().map(|(position, cell)| {
            match states.next_if(|(due, _)| **due == position) {
                Some((_, value)) => value,
                None => cell.value(values, &mut around),
            }
        });
        Row::new(names, output.collect())
    }
}
