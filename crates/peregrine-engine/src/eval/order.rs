//! ORDER BY, with an external sort.
//!
//! Rows are held in memory up to a budget; past it what is there is sorted and written to a temporary file, and the
//! files are merged at the end. Keys of one plain type sort as such; mixed ones by the language's own relations.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;

use super::compare::{greater, less};
use super::runs::{RunFile, RunReader, RunWriter, row_size};
use super::sort::merge_sort;
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::{PositionCache, Row, Str, Value};

/// Rows between two looks at a failed disk: trying again for each row would make a slow query of a broken one.
const RETRY_AFTER: usize = 100_000;
/// Runs merged at a time; each holds a file open.
const MAX_RUNS: usize = 64;
/// Rows in a piece of [`Rows`].
const PIECE: usize = 4096;

/// The column to sort by.
#[derive(Clone)]
pub(crate) enum Order {
    Ascending(Str),
    Descending(Str),
}

impl Order {
    fn column(&self) -> &Str {
        match self {
            Order::Ascending(column) | Order::Descending(column) => column,
        }
    }

    fn is_descending(&self) -> bool {
        matches!(self, Order::Descending(_))
    }
}

/// Takes all rows in, then gives them out in order.
pub(crate) struct Sorter<'a> {
    scope: &'a Scope,
    order: Order,
    cache: PositionCache,
    rows: Rows,
    /// Bytes the rows take, about.
    size: usize,
    /// Rows to have before the next attempt to write a file.
    spill_from: usize,
    chunks: Vec<RunFile>,
    /// A row without the column was reported.
    reported: bool,
}

impl<'a> Sorter<'a> {
    pub(crate) fn new(scope: &'a Scope, order: Order) -> Sorter<'a> {
        Sorter {
            scope,
            order,
            cache: PositionCache::default(),
            rows: Rows::default(),
            size: 0,
            spill_from: 0,
            chunks: Vec::new(),
            reported: false,
        }
    }

    /// Emits the rows in order.
    pub(crate) fn finish(mut self, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let sorted = self.sorted();
        let mut held = std::mem::take(&mut self.rows);
        let mut last = sorted.into_iter().map(move |position| held.take(position));
        if self.chunks.is_empty() {
            return last.try_for_each(|row| rows.push(row));
        }
        self.merge(Some(&mut last), &mut |row| rows.push(row))
    }

    /// Merges the runs in files, and `last` as the latest.
    fn merge<'r>(
        &'r self,
        last: Option<&'r mut (dyn Iterator<Item = Row> + 'r)>,
        out: &mut dyn FnMut(Row) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut runs: Vec<Run<'r>> = self
            .chunks
            .iter()
            .map(|chunk| Run::File(chunk.rows(self.scope)))
            .collect();
        runs.extend(last.map(Run::Memory));
        let mut heads = BinaryHeap::with_capacity(runs.len());
        for (run, source) in runs.iter_mut().enumerate() {
            heads.extend(self.head(run, source.next()));
        }
        while let Some(head) = heads.pop() {
            self.scope.checkpoint()?;
            out(head.row)?;
            heads.extend(self.head(head.run, runs[head.run].next()));
        }
        Ok(())
    }

    fn head(&self, run: usize, row: Option<Row>) -> Option<Head<'a>> {
        let row = row?;
        let key = self.key(&row);
        Some(Head {
            scope: self.scope,
            descending: self.order.is_descending(),
            run,
            key,
            row,
        })
    }

    /// The value to sort by: NULL counts as the empty string, a missing column as nothing.
    fn key(&self, row: &Row) -> Option<Value> {
        let column = self.order.column();
        let value = match row.slots() {
            Some(_) => row.resolve(column, &self.cache)?.clone(),
            None => row.get(column)?,
        };
        match value.reduce(self.scope) {
            Value::Null => Some(Value::Str(Str::EMPTY)),
            value => Some(value),
        }
    }

    /// The order of the rows in memory.
    fn sorted(&self) -> Vec<u32> {
        let is_descending = self.order.is_descending();
        let ints = |key: Value| match key {
            Value::Int(key) => Some(key),
            _ => None,
        };
        let texts = |key: Value| match key {
            Value::Str(key) => Some(key),
            _ => None,
        };
        // Plain keys have a total order that is the language's; descending order reverses equal rows, too.
        let mut sorted = if let Some(keys) = self.keys(ints) {
            by_key(keys)
        } else if let Some(keys) = self.keys(texts) {
            by_key(keys)
        } else {
            let keys: Vec<Option<Value>> = self.rows.iter().map(|row| self.key(row)).collect();
            let key = |position: u32| keys.get(position as usize).and_then(Option::as_ref);
            return merge_sort(count(keys.len()), &mut |a, b| match (key(a), key(b)) {
                // A row without the column is equal to all.
                (Some(a), Some(b)) if is_descending => !less(self.scope, a, b),
                (Some(a), Some(b)) => less(self.scope, a, b),
                _ => false,
            });
        };
        if is_descending {
            sorted.reverse();
        }
        sorted
    }

    /// All keys with their positions, if they are all of the kind wanted.
    fn keys<T>(&self, wanted: impl Fn(Value) -> Option<T>) -> Option<Vec<(T, u32)>> {
        let mut keys = Vec::with_capacity(self.rows.count);
        for (row, position) in self.rows.iter().zip(0..) {
            keys.push((wanted(self.key(row)?)?, position));
        }
        Some(keys)
    }

    fn spill(&mut self) {
        let sorted = self.sorted();
        let written = self.write_run(|writer| {
            sorted
                .iter()
                .try_for_each(|position| match self.rows.get(*position) {
                    Some(row) => writer.push(self.scope, row),
                    None => Ok(()),
                })
        });
        let merged = written.and_then(|chunk| {
            self.chunks.push(chunk);
            self.rows = Rows::default();
            self.size = 0;
            if self.chunks.len() < MAX_RUNS {
                return Ok(());
            }
            let merged = self.write_run(|writer| {
                let mut result = Ok(());
                // A stop shows again when the rows are read.
                let _ = self.merge(None, &mut |row| {
                    result = writer.push(self.scope, &row);
                    result.as_ref().map_or(Err(Stop), |()| Ok(()))
                });
                result
            })?;
            self.chunks = vec![merged];
            Ok(())
        });
        if let Err(error) = merged {
            self.scope.log_line(&format!(
                "ERROR:ORDER BY: unable to write a temporary file: {error}"
            ));
            self.spill_from = self.rows.count.saturating_add(RETRY_AFTER);
        }
    }

    fn write_run(&self, write: impl FnOnce(&mut RunWriter) -> io::Result<()>) -> io::Result<RunFile> {
        let mut writer = RunWriter::create(self.scope)?;
        write(&mut writer)?;
        writer.finish()
    }
}

impl RowSink for Sorter<'_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        if !self.reported && self.key_is_missing(&row) {
            self.reported = true;
            let column = self.order.column();
            self.scope
                .log_line(&format!("Order by column {column} not present in row"));
        }
        self.size += row_size(&row);
        self.rows.push(row);
        let is_full = self.size >= self.scope.context().sort_memory() || self.rows.count >= u32::MAX as usize;
        if is_full && self.rows.count >= self.spill_from {
            self.spill();
        }
        Ok(())
    }
}

impl Sorter<'_> {
    fn key_is_missing(&self, row: &Row) -> bool {
        let column = self.order.column();
        match row.slots() {
            Some(_) => row.resolve(column, &self.cache).is_none(),
            None => row.get(column).is_none(),
        }
    }
}

/// Positions by key, equal keys in the order they came.
fn by_key<T: Ord>(mut keys: Vec<(T, u32)>) -> Vec<u32> {
    keys.sort_unstable();
    keys.into_iter().map(|(_, position)| position).collect()
}

/// Rows in the order they came, in pieces: one list that grows needs its old place and one of twice the size at the same time.
#[derive(Default)]
struct Rows {
    pieces: Vec<Vec<Row>>,
    count: usize,
}

impl Rows {
    fn push(&mut self, row: Row) {
        self.count += 1;
        match self.pieces.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(row),
            last => {
                // Many sorts are of a few rows only.
                let mut piece = Vec::with_capacity(if last.is_some() { PIECE } else { 4 });
                piece.push(row);
                self.pieces.push(piece);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Row> {
        self.pieces.iter().flatten()
    }

    fn get(&self, position: u32) -> Option<&Row> {
        let position = position as usize;
        self.pieces.get(position / PIECE)?.get(position % PIECE)
    }

    fn take(&mut self, position: u32) -> Row {
        let position = position as usize;
        let piece = self.pieces.get_mut(position / PIECE);
        match piece.and_then(|piece| piece.get_mut(position % PIECE)) {
            Some(row) => std::mem::replace(row, Row::gone()),
            None => Row::gone(),
        }
    }
}

fn count(rows: usize) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}

/// One sorted run.
enum Run<'r> {
    File(RunReader<'r>),
    Memory(&'r mut (dyn Iterator<Item = Row> + 'r)),
}

impl Run<'_> {
    fn next(&mut self) -> Option<Row> {
        match self {
            Run::File(reader) => reader.next(),
            Run::Memory(rows) => rows.next(),
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
            (Some(Value::Int(a)), Some(Value::Int(b))) => a.cmp(b),
            (Some(a), Some(b)) if less(self.scope, a, b) => Ordering::Less,
            (Some(a), Some(b)) if greater(self.scope, a, b) => Ordering::Greater,
            (Some(_), Some(_)) => Ordering::Equal,
            // A row without the column is equal to all, and stays where it is.
            _ => return other.run.cmp(&self.run),
        };
        // Descending order reverses equal rows, too.
        let order = by_key.then(self.run.cmp(&other.run));
        if self.descending { order } else { order.reverse() }
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
