//! GROUP BY.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::expr::eval;
use super::node::Node;
use super::order::sort_lines;
use super::pipeline::CurrentRow;
use super::select::SelectNode;
use super::spill::{SpillFile, SpillWriter};
use crate::aggregate::AggregateContext;
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Dict, Row, Str, Value};

/// Groups held in memory.
const MAX_BINS: usize = 30_000;

/// Collects rows into groups; the last row of each is emitted.
pub(crate) struct Grouper<'a> {
    key: &'a Node,
    current: CurrentRow<'a>,
    positions: FxHashMap<Str, usize>,
    groups: Vec<Group>,
    /// Rows that came after the groups became too many.
    overflow: Option<SpillWriter>,
}

struct Group {
    key: Str,
    aggregates: Arc<AggregateContext>,
    row: Option<Row>,
}

impl<'a> Grouper<'a> {
    pub(crate) fn new(select: &'a SelectNode, key: &'a Node, scope: &'a Scope) -> Grouper<'a> {
        Grouper {
            key,
            current: CurrentRow::new(select, scope, true),
            positions: FxHashMap::default(),
            groups: Vec::new(),
            overflow: None,
        }
    }

    /// Emits the groups: in order of first appearance, or in key order what went through a file.
    pub(crate) fn finish(mut self, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let Some(overflow) = self.overflow.take() else {
            return self.emit_all(rows);
        };
        let scope = self.current.outer;
        match overflow.finish().and_then(|file| sort_lines(scope, &file, "Key")) {
            Ok(sorted) => self.emit_sorted(&sorted, rows),
            Err(error) => {
                scope.log_line(&format!(
                    "ERROR:GROUP BY: reading back the temporary file: {error}"
                ));
                self.emit_all(rows)
            }
        }
    }

    fn emit_all(self, rows: &mut dyn RowSink) -> Result<(), Stop> {
        self.groups
            .into_iter()
            .filter_map(|group| group.row)
            .try_for_each(|row| rows.push(row))
    }

    fn emit_sorted(mut self, sorted: &SpillFile, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let mut open: Option<(Str, usize)> = None;
        for line in sorted.rows(self.current.outer) {
            let key = line
                .get("Key")
                .and_then(|key| key.as_str().cloned())
                .unwrap_or_default();
            if open.as_ref().is_none_or(|(known, _)| *known != key) {
                if let Some(row) = open.take().and_then(|(_, group)| self.groups[group].row.take()) {
                    rows.push(row)?;
                }
                let group = match self.positions.get(&key) {
                    Some(position) => *position,
                    None => self.new_group(key.clone()),
                };
                open = Some((key, group));
            }
            self.current.place(Row::from(line.get("Row").unwrap_or_default()));
            if let Some((_, group)) = &open {
                self.take(*group);
            }
        }
        if let Some(row) = open.and_then(|(_, group)| self.groups[group].row.take()) {
            rows.push(row)?;
        }
        self.emit_all(rows)
    }

    fn new_group(&mut self, key: Str) -> usize {
        self.positions.insert(key.clone(), self.groups.len());
        self.groups.push(Group {
            key,
            aggregates: Arc::default(),
            row: None,
        });
        self.groups.len() - 1
    }

    /// The current row becomes the group's last.
    fn take(&mut self, group: usize) {
        let group = &mut self.groups[group];
        debug_assert!(self.positions.contains_key(&group.key));
        self.current.use_aggregates(Arc::clone(&group.aggregates));
        group.row = Some(self.current.project());
    }

    /// Keeps the row for later, in a file.
    fn spill(&mut self, key: Str) {
        let scope = self.current.outer;
        let Some(source) = self.current.source_row() else {
            return;
        };
        let line = Dict::from_pairs([("Key", Value::Str(key)), ("Row", source.clone().into_value())]);
        let writer = match &mut self.overflow {
            Some(writer) => writer,
            none => {
                let bins = self.groups.len() + 1;
                scope.log_line(&format!(
                    "GROUP BY: {bins} bins exceeded, Switching to slower file based operation"
                ));
                match SpillWriter::create(scope) {
                    Ok(writer) => none.insert(writer),
                    Err(error) => {
                        scope.log_line(&format!(
                            "ERROR:GROUP BY: unable to create a temporary file: {error}"
                        ));
                        return;
                    }
                }
            }
        };
        writer.push(scope, &Row::from(line));
    }
}

impl RowSink for Grouper<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        if !self.current.load(row)? {
            return Ok(());
        }
        let scope = self.current.alias_scope();
        let key = eval(self.key, scope).to_text(scope);
        if self.overflow.is_some() {
            self.spill(key);
            return Ok(());
        }
        let group = match self.positions.get(&key) {
            Some(position) => *position,
            None if self.groups.len() >= MAX_BINS => {
                self.spill(key);
                return Ok(());
            }
            None => self.new_group(key),
        };
        self.take(group);
        Ok(())
    }
}
