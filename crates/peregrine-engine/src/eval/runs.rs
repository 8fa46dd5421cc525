//! Sorted runs of rows in temporary files.
//!
//! Unlike the JSON lines of [`spill`](super::spill), which materialised queries use because the language
//! defines how their values change, a run returns exactly the values it was given. Only the process that
//! wrote the file reads it, so the format may change:
//!
//! | bytes | meaning |
//! |---|---|
//! | `u32` | length of the record that follows |
//! | record | a column list or a row |
//!
//! Numbers inside a record are LEB128, except floats (8 bytes, little endian). A record starts with a kind: 0
//! a column list (its number, how many names, the names), 1 a row with columns (number of the list, its
//! values), 2 any other value. Values are those of [`run_values`](super::run_values): an object is restored
//! if it can rebuild itself, otherwise it becomes the dict it shows; queries become their rows.
//! as the dict it shows; queries come back as their rows.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use peregrine_base::{Reader, write_leb128};
use rustc_hash::{FxHashMap, FxHashSet};
use tempfile::{NamedTempFile, TempPath};

use super::run_values::{KeptInMemory, MAX_DEPTH, read_bytes, read_value, write_bytes, write_value};
use crate::scope::Scope;
use crate::value::{Columns, Row, Str, Value};

/// Maximum number of column lists a file refers to by number; further ones are written each time.
const MAX_LISTS: usize = 4096;
/// Longest record that is read back; only a damaged file has longer ones.
const MAX_RECORD: usize = 1 << 31;

const LIST: u8 = 0;
const ROW: u8 = 1;
const OTHER: u8 = 2;

/// A run being written.
pub(crate) struct RunWriter {
    file: BufWriter<NamedTempFile>,
    /// Numbers of the column lists written so far, by their id.
    lists: FxHashMap<u32, u64>,
    record: Vec<u8>,
    kept: KeptInMemory,
}

/// A finished run; its file is removed when dropped.
pub(crate) struct RunFile {
    path: TempPath,
    kept: KeptInMemory,
}

impl RunWriter {
    pub(crate) fn create(scope: &Scope) -> io::Result<RunWriter> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("vql_").suffix(".run");
        let file = match scope.context().spill_dir() {
            Some(dir) => builder.tempfile_in(dir),
            None => builder.tempfile(),
        }?;
        Ok(RunWriter {
            file: BufWriter::with_capacity(1 << 16, file),
            lists: FxHashMap::default(),
            record: Vec::new(),
            kept: KeptInMemory::default(),
        })
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        self.record.clear();
        match row.slots() {
            Some((columns, values)) => {
                let number = self.list(columns)?;
                self.record.push(ROW);
                write_leb128(number, &mut self.record);
                for value in values {
                    write_value(&mut self.kept, scope, value, &mut self.record, 0);
                }
            }
            None => {
                self.record.push(OTHER);
                let value = row.as_value().unwrap_or(&Value::Null);
                write_value(&mut self.kept, scope, value, &mut self.record, 0);
            }
        }
        self.write_record()
    }

    /// The finished file.
    pub(crate) fn finish(self) -> io::Result<RunFile> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(RunFile {
            path: file.into_temp_path(),
            kept: self.kept,
        })
    }

    /// The number of a column list; the list is written when it is new.
    fn list(&mut self, columns: &Columns) -> io::Result<u64> {
        if let Some(number) = self.lists.get(&columns.id()) {
            return Ok(*number);
        }
        if self.lists.len() >= MAX_LISTS {
            self.lists.clear();
        }
        let number = self.lists.len() as u64;
        self.lists.insert(columns.id(), number);
        self.record.push(LIST);
        write_leb128(number, &mut self.record);
        write_leb128(columns.len() as u64, &mut self.record);
        for name in columns.names() {
            write_bytes(name, &mut self.record);
        }
        self.write_record()?;
        self.record.clear();
        Ok(number)
    }

    fn write_record(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.record.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a row of more than 4 GiB"))?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&self.record)
    }
}

impl RunFile {
    /// Reads from the start. If the file is unreadable from some point on, that is reported and the rows end.
    pub(crate) fn rows<'s>(&'s self, scope: &'s Scope) -> RunReader<'s> {
        let opened = File::open(&self.path);
        if let Err(error) = &opened {
            scope.log_line(&format!(
                "ERROR:unable to open temporary file `{}`: {error}",
                self.path.display()
            ));
        }
        RunReader {
            file: opened.ok().map(|file| BufReader::with_capacity(1 << 16, file)),
            lists: Vec::new(),
            record: Vec::new(),
            kept: &self.kept,
            scope,
        }
    }
}

/// Rows of a run in order.
pub(crate) struct RunReader<'s> {
    file: Option<BufReader<File>>,
    lists: Vec<Arc<Columns>>,
    record: Vec<u8>,
    kept: &'s KeptInMemory,
    scope: &'s Scope,
}

impl Iterator for RunReader<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        match self.read() {
            Ok(row) => row,
            Err(problem) => {
                self.scope
                    .log_line(&format!("ERROR:reading a temporary file: {problem}"));
                self.file = None;
                None
            }
        }
    }
}

impl RunReader<'_> {
    fn read(&mut self) -> io::Result<Option<Row>> {
        loop {
            let Some(file) = &mut self.file else {
                return Ok(None);
            };
            let mut length = [0; 4];
            match file.read_exact(&mut length) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
                Err(error) => return Err(error),
            }
            let length = u32::from_le_bytes(length) as usize;
            if length > MAX_RECORD {
                return Err(damaged());
            }
            self.record.clear();
            // `take` and `read_to_end` allocate for the bytes present, not for the length claimed.
            if file.take(length as u64).read_to_end(&mut self.record)? != length {
                return Err(damaged());
            }
            if let Some(row) = parse_record(&self.record, &mut self.lists, self.kept).ok_or_else(damaged)? {
                return Ok(Some(row));
            }
        }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is damaged")
}

/// The row of a record; `Some(None)` for a column list, `None` for damage.
fn parse_record(record: &[u8], lists: &mut Vec<Arc<Columns>>, kept: &KeptInMemory) -> Option<Option<Row>> {
    let mut rest = Reader::new(record);
    match rest.u8()? {
        LIST => {
            let number = usize::try_from(rest.leb128()?).ok()?;
            let count = rest.leb128()?;
            let mut names = Vec::new();
            for _ in 0..count {
                names.push(Str::new(read_bytes(&mut rest)?));
            }
            // Numbers restart when the writer has forgotten its lists.
            lists.truncate(number);
            (lists.len() == number).then(|| lists.push(Columns::new(names)))?;
            Some(None)
        }
        ROW => {
            let columns = lists.get(usize::try_from(rest.leb128()?).ok()?)?;
            if let [_] = columns.names() {
                return Some(Some(Row::single(columns, read_value(kept, &mut rest, 0)?)));
            }
            let mut values = Vec::with_capacity(columns.len());
            for _ in 0..columns.len() {
                values.push(read_value(kept, &mut rest, 0)?);
            }
            Some(Some(Row::new(columns, values)))
        }
        OTHER => Some(Some(Row::from(read_value(kept, &mut rest, 0)?))),
        _ => None,
    }
}

/// Approximate bytes of memory a row takes, including what it shares with others.
pub(crate) fn row_size(row: &Row) -> usize {
    /// A row in a list, plus its key and its place in the order.
    const ROW: usize = size_of::<Row>() + size_of::<(Value, u64)>();
    let seen = &mut FxHashSet::default();
    match (row.slots(), row.as_value()) {
        (Some((_, [value])), _) => ROW + heap_size(value, 0, seen),
        (Some((_, values)), _) => {
            ROW + values
                .iter()
                .map(|value| size_of::<Value>() + heap_size(value, 0, seen))
                .sum::<usize>()
        }
        (None, Some(value)) => ROW + heap_size(value, 0, seen),
        (None, None) => ROW,
    }
}

/// Approximate bytes a value takes on the heap.
pub(super) fn value_size(value: &Value) -> usize {
    heap_size(value, 0, &mut FxHashSet::default())
}

/// `seen` holds the addresses of shared parts already counted: they take nothing more when met again, and
/// could be met endlessly.
fn heap_size(value: &Value, depth: u32, seen: &mut FxHashSet<usize>) -> usize {
    /// Overhead of a shared allocation with its counters.
    const SHARED: usize = 32;
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Time(_) => 0,
        Value::Str(text) => text.heap_size(),
        Value::Bytes(bytes) => SHARED + bytes.len(),
        Value::Array(_) | Value::Dict(_) if shared_place(value).is_some_and(|at| !seen.insert(at)) => 0,
        Value::Array(items) if depth < MAX_DEPTH => {
            let nested = |value: &Value| size_of::<Value>() + heap_size(value, depth + 1, seen);
            SHARED + items.iter().map(nested).sum::<usize>()
        }
        Value::Dict(dict) if depth < MAX_DEPTH => {
            3 * SHARED
                + dict
                    .entries()
                    .iter()
                    .map(|(_, value)| size_of::<Value>() + heap_size(value, depth + 1, seen))
                    .sum::<usize>()
        }
        _ => 8 * SHARED,
    }
}

/// The address of a list or dict that is shared.
fn shared_place(value: &Value) -> Option<usize> {
    match value {
        Value::Array(items) if Arc::strong_count(items) > 1 => Some(Arc::as_ptr(items).addr()),
        Value::Dict(dict) => dict.shared_place(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::run_values::KeptInMemory;
    use super::{RunWriter, parse_record};
    use crate::value::{Columns, Dict, Row, Time, Value, ZoneId};
    use crate::{Context, Scope};

    fn scope() -> Scope {
        Scope::root(&Context::builder().build(), Dict::new())
    }

    fn rows() -> Vec<Row> {
        let columns = Columns::new(["A", "B"]);
        let nested = Value::from(vec![
            Value::Null,
            Value::Float(2.0),
            Value::from("x"),
            Value::bytes(b"\x00\xff"),
        ]);
        let time = Time::from_unix(-5, 999_999_999).in_zone(ZoneId::fixed(3600));
        vec![
            Row::new(&columns, vec![Value::Int(i64::MIN), Value::UInt(u64::MAX)]),
            Row::new(&columns, vec![Value::from(true), nested]),
            Row::from_pairs([("Only", Value::Time(time))]),
            Row::new(
                &columns,
                vec![
                    Value::Dict(Dict::from_pairs([("k", -1)])),
                    "a long string, not inline".into(),
                ],
            ),
            Row::from(Value::Null),
        ]
    }

    #[test]
    fn values_come_back_as_they_were() {
        let scope = scope();
        let mut writer = RunWriter::create(&scope).unwrap();
        for row in rows() {
            writer.push(&scope, &row).unwrap();
        }
        let file = writer.finish().unwrap();
        let show = |row: Row| format!("{:?}", row.entries());
        let back: Vec<String> = file.rows(&scope).map(show).collect();
        let wanted: Vec<String> = rows().into_iter().map(show).collect();
        // Dicts show their keys only.
        assert_eq!(back, wanted);
        let dict = file.rows(&scope).nth(3).and_then(|row| row.get("A"));
        let dict = dict.as_ref().and_then(Value::as_dict).unwrap();
        assert_eq!(dict.get("k").and_then(|value| value.as_i64()), Some(-1));
    }

    #[test]
    fn damaged_records_are_refused() {
        for record in [
            &[][..],
            &[9],
            &[1, 0],
            &[0, 0, 5, 1],
            &[2, 6, 200, 1],
            &[2, 9, 255, 255, 255, 255, 15],
        ] {
            assert!(
                parse_record(record, &mut Vec::new(), &KeptInMemory::default()).is_none(),
                "{record:?}"
            );
        }
    }
}
