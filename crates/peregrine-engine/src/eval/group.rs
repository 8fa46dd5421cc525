//! GROUP BY.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::bound::shape::{GroupShape, Key};
use super::expr::eval;
use super::node::Node;
use super::order::{Order, Sorter};
use super::pipeline::CurrentRow;
use super::select::SelectNode;
use crate::aggregate::AggregateContext;
use crate::query::{FnSink, RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Columns, Row, Str, Value};

/// Maximum number of groups held in memory.
const MAX_BINS: usize = 30_000;

/// Collects rows into groups; the last row of each is emitted.
pub(crate) struct Grouper<'a> {
    select: &'a SelectNode,
    key: &'a Node,
    current: CurrentRow<'a>,
    /// The query bound to the columns most rows have.
    shape: Option<Box<GroupShape>>,
    positions: FxHashMap<Str, usize>,
    /// Groups by int key, which needs no text.
    int_positions: FxHashMap<i64, usize>,
    /// The only group, when the key is the same for every row.
    only_group: Option<usize>,
    groups: Vec<Group>,
    /// Rows that arrived after there were too many groups.
    overflow: Option<Overflow<'a>>,
}

/// Rows by key, spilled to files when they are many.
struct Overflow<'a> {
    sorter: Sorter<'a>,
    columns: Arc<Columns>,
}

#[derive(Default)]
struct Group {
    aggregates: Aggregates,
    /// The output row of the last row that was evaluated in a scope.
    row: Option<Row>,
    /// The last row of the bound shape; any row, when no column needs the last.
    pending: Option<Row>,
    /// The values of the columns that are computed for every row.
    states: Vec<Value>,
}

/// The outcome of a row in the bound query.
enum Progress {
    Done,
    /// To be kept as the last row of this group.
    LastOf(usize),
    /// Has another shape, or the query could not be bound: left to the scope.
    Unbound,
}

/// A context of aggregates: owned until a scope shares it.
enum Aggregates {
    Own(AggregateContext),
    Shared(Arc<AggregateContext>),
}

impl<'a> Grouper<'a> {
    pub(crate) fn new(select: &'a SelectNode, key: &'a Node, scope: &'a Scope) -> Grouper<'a> {
        Grouper {
            select,
            key,
            current: CurrentRow::new(select, scope, true),
            shape: None,
            positions: FxHashMap::default(),
            int_positions: FxHashMap::default(),
            only_group: None,
            groups: Vec::new(),
            overflow: None,
        }
    }

    /// Whether it stopped taking rows because no file could be written. The groups so far can be emitted.
    pub(crate) fn has_failed(&self) -> bool {
        self.overflow
            .as_ref()
            .is_some_and(|overflow| overflow.sorter.has_failed())
    }

    /// Emits the groups in order of first appearance, or in key order if they went through a file.
    pub(crate) fn finish(mut self, rows: &mut dyn RowSink) -> Result<(), Stop> {
        self.settle();
        if let Some(overflow) = self.overflow.take() {
            self.emit_sorted(overflow, rows)?;
        }
        self.groups
            .into_iter()
            .filter_map(|group| group.row)
            .try_for_each(|row| rows.push(row))
    }

    fn emit_sorted(&mut self, overflow: Overflow<'a>, rows: &mut dyn RowSink) -> Result<(), Stop> {
        // The key of the group being filled; a group seen before continues from its state.
        let mut open: Option<(Str, Group)> = None;
        let mut next = |row: Row, rows: &mut dyn RowSink| {
            let Some((_, [Value::Str(key), source])) = row.slots() else {
                return Ok(());
            };
            if open.as_ref().is_none_or(|(known, _)| known != key) {
                let known = self
                    .positions
                    .get(key)
                    .map(|position| std::mem::take(&mut self.groups[*position]));
                if let Some((_, group)) = open.replace((key.clone(), known.unwrap_or_default())) {
                    group.row.map_or(Ok(()), |row| rows.push(row))?;
                }
            }
            if let Some((_, group)) = &mut open {
                let source = match source {
                    Value::Dict(dict) => dict.to_row(),
                    other => Row::from(other.clone()),
                };
                self.current.place(source);
                take(&mut self.current, group);
            }
            Ok(())
        };
        overflow.sorter.finish(&mut FnSink(|row| next(row, rows)))?;
        match open {
            Some((_, Group { row: Some(row), .. })) => rows.push(row),
            _ => Ok(()),
        }
    }

    /// Processes a row without a scope, if the query is bound to its shape.
    #[inline]
    fn take_bound(&mut self, row: &Row) -> Progress {
        // From here on all rows are sorted by key, including those of known groups.
        if self.overflow.is_some() {
            return Progress::Unbound;
        }
        let mut values = self.shape.as_ref().and_then(|shape| shape.values(row));
        if values.is_none() {
            values = self.adapt(row);
        }
        let (Some(values), Some(shape)) = (values, &mut self.shape) else {
            return Progress::Unbound;
        };
        let scope = self.current.outer;
        let key = shape.key(values, scope);
        let known = match &key {
            Key::None => return Progress::Done,
            Key::Constant => self.only_group,
            Key::Int(number) => self.int_positions.get(number).copied(),
            Key::Text(text) => self.positions.get(text).copied(),
        };
        let position = match known {
            Some(position) => position,
            None => match self.find_or_make_group(&key) {
                Some(position) => position,
                None => return Progress::Unbound,
            },
        };
        let (Some(group), Some(shape)) = (self.groups.get_mut(position), &mut self.shape) else {
            return Progress::Unbound;
        };
        self.current.functions_called +=
            shape.update(values, scope, group.aggregates.own(), &mut group.states);
        if shape.needs_last_row || group.pending.is_none() {
            Progress::LastOf(position)
        } else {
            Progress::Done
        }
    }

    /// The group of a row whose key is new in this shape; `None` when the row has to go through a file.
    #[cold]
    fn find_or_make_group(&mut self, key: &Key) -> Option<usize> {
        let text = match key {
            Key::None => return None,
            Key::Constant => self.shape.as_ref()?.constant_key.clone()?,
            Key::Int(number) => Value::Int(*number).to_text(self.current.outer),
            Key::Text(text) => text.clone(),
        };
        let position = match self.positions.get(&text) {
            Some(position) => *position,
            None if self.groups.len() >= MAX_BINS => return None,
            None => new_group(&mut self.positions, &mut self.groups, text),
        };
        match key {
            Key::Constant => self.only_group = Some(position),
            Key::Int(number) => {
                self.int_positions.insert(*number, position);
            }
            Key::None | Key::Text(_) => {}
        }
        Some(position)
    }

    /// Turns the state of the bound shape into output rows.
    fn settle(&mut self) {
        let Some(shape) = &mut self.shape else {
            return;
        };
        for group in &mut self.groups {
            if let Some(row) = group.pending.take() {
                let states = std::mem::take(&mut group.states);
                group.row = Some(shape.output(&row, self.current.outer, states));
            }
        }
    }

    /// Called for a row that did not fit: binds to its columns when that is due, and returns its values if it
    /// fits now.
    #[cold]
    fn adapt<'r>(&mut self, row: &'r Row) -> Option<&'r [Value]> {
        if !self.current.adapter.is_due(self.current.rows_scanned) {
            return None;
        }
        let (columns, _) = row.slots()?;
        self.settle();
        self.only_group = None;
        self.shape = GroupShape::bind(self.select, self.key, self.current.outer, columns).map(Box::new);
        self.shape.as_ref()?.values(row)
    }

    /// Keeps the current row for later.
    fn spill(&mut self, key: Str) -> Result<(), Stop> {
        let scope = self.current.outer;
        let Some(source) = self.current.source_row() else {
            return Ok(());
        };
        let overflow = match &mut self.overflow {
            Some(overflow) => overflow,
            none => {
                let bins = self.groups.len() + 1;
                scope.log_line(&format!(
                    "GROUP BY: {bins} bins exceeded, Switching to slower file based operation"
                ));
                none.insert(Overflow {
                    sorter: Sorter::new(scope, Order::Ascending(Str::from("Key")), "GROUP BY"),
                    columns: Columns::new(["Key", "Row"]),
                })
            }
        };
        // With `*`, only the columns it shows may reappear.
        let source = if self.select.has_star() {
            source.clone().into_value()
        } else {
            source.unfolded(scope)
        };
        let row = vec![Value::Str(key), source];
        overflow.sorter.push(Row::new(&overflow.columns, row))
    }
}

fn new_group(positions: &mut FxHashMap<Str, usize>, groups: &mut Vec<Group>, key: Str) -> usize {
    positions.insert(key, groups.len());
    groups.push(Group::default());
    groups.len() - 1
}

/// The current row becomes the group's last.
fn take(current: &mut CurrentRow<'_>, group: &mut Group) {
    current.use_aggregates(group.aggregates.shared());
    group.row = Some(current.project());
}

impl RowSink for Grouper<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        self.current.count_row()?;
        match self.take_bound(&row) {
            Progress::Done => return Ok(()),
            Progress::LastOf(group) => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.pending = Some(row);
                }
                return Ok(());
            }
            Progress::Unbound => {}
        }
        if !self.current.load(row) {
            return Ok(());
        }
        let scope = self.current.alias_scope();
        let key = eval(self.key, scope).to_text(scope);
        if self.overflow.is_some() {
            return self.spill(key);
        }
        self.only_group = None;
        let group = match self.positions.get(&key) {
            Some(position) => *position,
            None if self.groups.len() >= MAX_BINS => return self.spill(key),
            None => new_group(&mut self.positions, &mut self.groups, key),
        };
        let group = &mut self.groups[group];
        group.pending = None;
        take(&mut self.current, group);
        Ok(())
    }
}

impl Aggregates {
    /// For callers that work without a scope.
    fn own(&mut self) -> super::bound::States<'_> {
        use super::bound::States;
        if let Aggregates::Shared(shared) = self
            && let Some(alone) = Arc::get_mut(shared)
        {
            *self = Aggregates::Own(std::mem::take(alone));
        }
        match self {
            Aggregates::Own(own) => States::Own(own),
            Aggregates::Shared(shared) => States::Shared(shared),
        }
    }

    /// For callers that work in a scope.
    fn shared(&mut self) -> Arc<AggregateContext> {
        if let Aggregates::Own(own) = self {
            *self = Aggregates::Shared(Arc::new(std::mem::take(own)));
        }
        match self {
            Aggregates::Shared(shared) => Arc::clone(shared),
            Aggregates::Own(_) => Arc::default(),
        }
    }
}

impl Default for Aggregates {
    fn default() -> Aggregates {
        Aggregates::Own(AggregateContext::default())
    }
}
