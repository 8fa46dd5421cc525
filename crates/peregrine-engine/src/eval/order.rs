//! ORDER BY, with an external sort.
//!
//! Rows are held in memory up to a budget; beyond it, they are sorted and written to a temporary file, and
//! the files are merged at the end. Keys of one plain type are sorted as that type; mixed keys use the
//! language's own relations.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io;

use super::compare::{greater, less};
use super::packed::{PackedRows, Place};
use super::runs::{RunFile, RunReader, RunWriter};
use super::sort::merge_sort;
use crate::query::{RowSink, Stop};
use crate::scope::Scope;
use crate::value::{PositionCache, Row, Str, Value};

/// Maximum number of runs merged at a time; each holds a file open.
const MAX_RUNS: usize = 64;

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

/// Takes in all rows, then emits them in order.
pub(crate) struct Sorter<'a> {
    scope: &'a Scope,
    order: Order,
    cache: PositionCache,
    rows: PackedRows,
    /// The clause the rows are sorted for, in messages.
    purpose: &'static str,
    /// Number of rows so far.
    taken: u64,
    /// No file could be written. No more rows are taken, because they would only fill the memory.
    has_failed: bool,
    chunks: Vec<RunFile>,
    /// A row without the column was reported.
    reported: bool,
}

impl<'a> Sorter<'a> {
    pub(crate) fn new(scope: &'a Scope, order: Order, purpose: &'static str) -> Sorter<'a> {
        Sorter {
            scope,
            order,
            cache: PositionCache::default(),
            rows: PackedRows::default(),
            purpose,
            taken: 0,
            has_failed: false,
            chunks: Vec::new(),
            reported: false,
        }
    }

    /// Whether it stopped taking rows because no file could be written. The rows so far can be emitted.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Emits the rows in order.
    pub(crate) fn finish(mut self, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let sorted = self.sorted();
        let mut held = std::mem::take(&mut self.rows);
        let mut last = sorted.into_iter().map(move |place| held.take(place));
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

    /// The value to sort by: NULL counts as the empty string; `None` without the column.
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

    /// The places of the rows in memory, in order.
    fn sorted(&self) -> Vec<Place> {
        let is_descending = self.order.is_descending();
        // Plain keys have a total order that agrees with the language's; descending order also reverses equal
        // rows.
        let mut sorted = if let Some(mut keys) = self.int_keys() {
            keys.sort_unstable();
            keys.into_iter().map(|(_, place)| place).collect()
        } else if let Some(sorted) = self.sorted_texts() {
            sorted
        } else {
            let places: Vec<Place> = self.places().map(|(place, _)| place).collect();
            let keys: Vec<Option<Value>> = places
                .iter()
                .map(|place| self.key(&self.rows.get(*place)))
                .collect();
            let key = |position: u32| keys.get(position as usize).and_then(Option::as_ref);
            let sorted = merge_sort(count(keys.len()), &mut |a, b| match (key(a), key(b)) {
                // A row without the column is equal to every row.
                (Some(a), Some(b)) if is_descending => !less(self.scope, a, b),
                (Some(a), Some(b)) => less(self.scope, a, b),
                _ => false,
            });
            let place = |position: u32| places.get(position as usize).copied();
            return sorted.into_iter().filter_map(place).collect();
        };
        if is_descending {
            sorted.reverse();
        }
        sorted
    }

    /// The places of all rows and of their keys.
    fn places(&self) -> impl Iterator<Item = (Place, Option<Place>)> {
        let name = self.order.column();
        self.rows.places(|columns| self.cache.position(columns, name))
    }

    /// All keys with the places of their rows, if all are ints.
    fn int_keys(&self) -> Option<Vec<(i64, Place)>> {
        let mut keys = Vec::new();
        for (row, key) in self.places() {
            let key = self.rows.int(key?)?;
            if keys.is_empty() {
                keys.reserve_exact(self.rows.len());
            }
            keys.push((key, row));
        }
        Some(keys)
    }

    /// The places of the rows in the order of their keys, if all are strings.
    fn sorted_texts(&self) -> Option<Vec<Place>> {
        let mut keys: Vec<(u64, Place, Place)> = Vec::new();
        // Paths and similar strings share a long prefix.
        let mut common: Option<&[u8]> = None;
        for (row, key) in self.places() {
            let text = self.rows.text(key?)?;
            let common = common.get_or_insert(text);
            let length = common.iter().zip(text).take_while(|(a, b)| a == b).count();
            *common = &common[..length];
            if keys.is_empty() {
                keys.reserve_exact(self.rows.len());
            }
            keys.push((0, key?, row));
        }
        let common = common.map_or(0, <[u8]>::len);
        let rest = |place: Place| {
            self.rows
                .text(place)
                .and_then(|text| text.get(common..))
                .unwrap_or_default()
        };
        for (start, text_place, _) in &mut keys {
            let mut bytes = [0; 8];
            bytes
                .iter_mut()
                .zip(rest(*text_place))
                .for_each(|(to, from)| *to = *from);
            *start = u64::from_be_bytes(bytes);
        }
        keys.sort_unstable_by(|(left_start, left, left_row), (right_start, right, right_row)| {
            left_start
                .cmp(right_start)
                .then_with(|| rest(*left).cmp(rest(*right)))
                .then_with(|| left_row.cmp(right_row))
        });
        Some(keys.into_iter().map(|(_, _, place)| place).collect())
    }

    fn spill(&mut self) {
        let sorted = self.sorted();
        let written = self.write_run(|writer| {
            sorted
                .iter()
                .try_for_each(|place| writer.push(self.scope, &self.rows.get(*place)))
        });
        let merged = written.and_then(|chunk| {
            self.chunks.push(chunk);
            self.rows = PackedRows::default();
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
                "ERROR:{}: unable to write a temporary file: {error}; the query ends after {} rows, and what follows them is \
                 missing: make room, or ask for less at once",
                self.purpose, self.taken
            ));
            self.has_failed = true;
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
        if self.has_failed {
            return Err(Stop);
        }
        self.rows.push(row);
        self.taken += 1;
        if self.rows.size() >= self.scope.context().sort_memory() || self.rows.len() >= u32::MAX as usize {
            self.spill();
        }
        if self.has_failed { Err(Stop) } else { Ok(()) }
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
            // A row without the column is equal to every row, and stays in place.
            _ => return other.run.cmp(&self.run),
        };
        // Descending order also reverses equal rows.
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
