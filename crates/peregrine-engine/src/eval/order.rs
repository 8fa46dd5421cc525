//! ORDER BY, with an external sort.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;

use super::compare::{greater, less};
use super::select::OrderNode;
use super::sort::merge_sort;
use super::spill::{SpillFile, SpillReader, SpillWriter};
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::{Row, Str, Value};

/// Rows sorted in memory at a time.
const CHUNK: usize = 10_000;

/// Takes all rows in, then gives them out in order.
pub(crate) struct Sorter<'a> {
    scope: &'a Scope,
    column: Str,
    descending: bool,
    rows: Vec<(Option<Value>, Row)>,
    chunks: Vec<SpillFile>,
    reported: bool,
}

impl<'a> Sorter<'a> {
    pub(crate) fn new(scope: &'a Scope, order: &OrderNode) -> Sorter<'a> {
        Sorter {
            scope,
            column: order.column.clone(),
            descending: order.descending,
            rows: Vec::new(),
            chunks: Vec::new(),
            reported: false,
        }
    }

    /// Emits the rows in order.
    pub(crate) fn finish(mut self, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let last = self.sorted();
        if self.chunks.is_empty() {
            return last.into_iter().try_for_each(|(_, row)| rows.push(row));
        }
        let readers = self.chunks.iter().map(|chunk| Run::File(chunk.rows(self.scope)));
        let mut runs: Vec<Run> = readers.collect();
        runs.push(Run::Memory(last.into_iter()));
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (run, source) in runs.iter_mut().enumerate() {
            heads.extend(self.head(run, source.next()));
        }
        while let Some(head) = heads.pop() {
            self.scope.checkpoint()?;
            rows.push(head.row)?;
            heads.extend(self.head(head.run, runs[head.run].next()));
        }
        Ok(())
    }

    fn head(&self, run: usize, row: Option<Row>) -> Option<Head<'a>> {
        let row = row?;
        let key = sort_key(&row, &self.column, self.scope);
        Some(Head {
            scope: self.scope,
            descending: self.descending,
            run,
            key,
            row,
        })
    }

    /// The rows in memory, sorted and taken out.
    fn sorted(&mut self) -> Vec<(Option<Value>, Row)> {
        let (scope, descending) = (self.scope, self.descending);
        merge_sort(
            std::mem::take(&mut self.rows),
            &mut |(a, _), (b, _)| match (a, b) {
                // A row without the column is equal to all.
                (Some(a), Some(b)) if descending => !less(scope, a, b),
                (Some(a), Some(b)) => less(scope, a, b),
                _ => false,
            },
        )
    }

    fn spill(&mut self) {
        let sorted = self.sorted();
        match write_chunk(self.scope, sorted.iter().map(|(_, row)| row)) {
            Ok(chunk) => self.chunks.push(chunk),
            Err(error) => {
                self.scope.log_line(&format!(
                    "ERROR:ORDER BY: unable to write a temporary file: {error}"
                ));
                self.rows = sorted;
            }
        }
    }
}

impl RowSink for Sorter<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        let key = sort_key(&row, &self.column, self.scope);
        if key.is_none() && !self.reported {
            self.reported = true;
            self.scope
                .log_line(&format!("Order by column {} not present in row", self.column));
        }
        self.rows.push((key, row));
        if self.rows.len() >= CHUNK && self.rows.len().is_multiple_of(CHUNK) {
            self.spill();
        }
        Ok(())
    }
}

/// Sorts the lines of a file by a string column.
pub(super) fn sort_lines(scope: &Scope, file: &SpillFile, column: &str) -> io::Result<SpillFile> {
    let order = OrderNode {
        column: Str::from(column),
        descending: false,
    };
    let mut sorter = Sorter::new(scope, &order);
    for row in file.rows(scope) {
        // Cancellation shows when the rows are read back.
        let _ = sorter.push(row);
    }
    let mut out = Writing {
        scope,
        writer: SpillWriter::create(scope)?,
    };
    let _ = sorter.finish(&mut out);
    out.writer.finish()
}

struct Writing<'a> {
    scope: &'a Scope,
    writer: SpillWriter,
}

impl RowSink for Writing<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        self.writer.push(self.scope, &row);
        Ok(())
    }
}

fn write_chunk<'r>(scope: &Scope, rows: impl Iterator<Item = &'r Row>) -> io::Result<SpillFile> {
    let mut writer = SpillWriter::create(scope)?;
    rows.for_each(|row| writer.push(scope, row));
    writer.finish()
}

/// The value to sort by: NULL counts as the empty string, a missing column as nothing.
fn sort_key(row: &Row, column: &Str, scope: &Scope) -> Option<Value> {
    match row.get(column)?.reduce(scope) {
        Value::Null => Some(Value::Str(Str::EMPTY)),
        value => Some(value),
    }
}

/// One sorted run.
enum Run {
    File(SpillReader),
    Memory(std::vec::IntoIter<(Option<Value>, Row)>),
}

impl Run {
    fn next(&mut self) -> Option<Row> {
        match self {
            Run::File(reader) => reader.next(),
            Run::Memory(rows) => rows.next().map(|(_, row)| row),
        }
    }
}

/// The next row of a run; the heap's greatest comes out first.
struct Head<'a> {
    scope: &'a Scope,
    descending: bool,
    run: usize,
    key: Option<Value>,
    row: Row,
}

impl Ord for Head<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_key = match (&self.key, &other.key) {
            (Some(a), Some(b)) if less(self.scope, a, b) => Ordering::Less,
            (Some(a), Some(b)) if greater(self.scope, a, b) => Ordering::Greater,
            _ => Ordering::Equal,
        };
        let by_key = if self.descending { by_key } else { by_key.reverse() };
        by_key.then(other.run.cmp(&self.run))
    }
}

impl PartialOrd for Head<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Head<'_> {}
