//! Sorted runs of rows in temporary files.
//!
//! Unlike the JSON lines of [`spill`](super::spill), which materialised queries use because the language says what
//! becomes of their values, a run gives back the values it was given. The file is read by the process that wrote it and
//! by nobody else, so its format is no promise:
//!
//! | bytes | meaning |
//! |---|---|
//! | `u32` | length of the record that follows |
//! | record | a column list or a row |
//!
//! Numbers inside a record are LEB128, but for floats (8 bytes, little endian). A record starts with a kind: 0 a column
//! list (its number, how many names, the names), 1 a row with columns (number of the list, its values), 2 any other
//! value. A value is a tag and what the tag says. What lives (objects, queries, scopes) is written as the JSON it shows.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tempfile::{NamedTempFile, TempPath};

use crate::json;
use crate::scope::Scope;
use crate::value::{Columns, Dict, Row, Str, Time, Value, ZoneId};

/// Column lists a file knows by number; lists beyond are written each time.
const MAX_LISTS: usize = 4096;
/// Nesting past which a value is written as JSON, which has a bound of its own.
const MAX_DEPTH: u32 = 32;
/// Longest record read back; only a damaged file has longer ones.
const MAX_RECORD: usize = 1 << 31;

const LIST: u8 = 0;
const ROW: u8 = 1;
const OTHER: u8 = 2;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const UINT: u8 = 4;
const FLOAT: u8 = 5;
const STR: u8 = 6;
const BYTES: u8 = 7;
const TIME: u8 = 8;
const ARRAY: u8 = 9;
const DICT: u8 = 10;
const JSON: u8 = 11;

/// A run being written.
pub(crate) struct RunWriter {
    file: BufWriter<NamedTempFile>,
    /// Numbers of the column lists written so far, by their id.
    lists: FxHashMap<u32, u64>,
    record: Vec<u8>,
}

/// A finished run; its file is removed when dropped.
pub(crate) struct RunFile {
    path: TempPath,
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
        })
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, scope: &Scope, row: &Row) -> io::Result<()> {
        self.record.clear();
        match row.slots() {
            Some((columns, values)) => {
                let number = self.list(columns)?;
                self.record.push(ROW);
                write_number(number, &mut self.record);
                for value in values {
                    write_value(scope, value, &mut self.record, 0);
                }
            }
            None => {
                self.record.push(OTHER);
                let value = row.as_value().unwrap_or(&Value::Null);
                write_value(scope, value, &mut self.record, 0);
            }
        }
        self.write_record()
    }

    /// The finished file.
    pub(crate) fn finish(self) -> io::Result<RunFile> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(RunFile {
            path: file.into_temp_path(),
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
        write_number(number, &mut self.record);
        write_number(columns.len() as u64, &mut self.record);
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
    /// Reads from the start. An unreadable rest is reported and ends the rows.
    pub(crate) fn rows<'s>(&self, scope: &'s Scope) -> RunReader<'s> {
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
            scope,
        }
    }
}

/// Rows of a run in order.
pub(crate) struct RunReader<'s> {
    file: Option<BufReader<File>>,
    lists: Vec<Arc<Columns>>,
    record: Vec<u8>,
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
            // `take` and `read_to_end` grow with what is there, not with what the length claims.
            if file.take(length as u64).read_to_end(&mut self.record)? != length {
                return Err(damaged());
            }
            if let Some(row) = parse_record(&self.record, &mut self.lists).ok_or_else(damaged)? {
                return Ok(Some(row));
            }
        }
    }
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is damaged")
}

/// The row of a record; `Some(None)` for a column list, `None` for damage.
fn parse_record(record: &[u8], lists: &mut Vec<Arc<Columns>>) -> Option<Option<Row>> {
    let mut rest = record;
    match read_byte(&mut rest)? {
        LIST => {
            let number = usize::try_from(read_number(&mut rest)?).ok()?;
            let count = read_number(&mut rest)?;
            let mut names = Vec::new();
            for _ in 0..count {
                names.push(Str::new(read_bytes(&mut rest)?));
            }
            // Numbers start again when the writer forgot its lists.
            lists.truncate(number);
            (lists.len() == number).then(|| lists.push(Columns::new(names)))?;
            Some(None)
        }
        ROW => {
            let columns = lists.get(usize::try_from(read_number(&mut rest)?).ok()?)?;
            if let [_] = columns.names() {
                return Some(Some(Row::single(columns, read_value(&mut rest, 0)?)));
            }
            let mut values = Vec::with_capacity(columns.len());
            for _ in 0..columns.len() {
                values.push(read_value(&mut rest, 0)?);
            }
            Some(Some(Row::new(columns, values)))
        }
        OTHER => Some(Some(Row::from(read_value(&mut rest, 0)?))),
        _ => None,
    }
}

fn write_value(scope: &Scope, value: &Value, out: &mut Vec<u8>, depth: u32) {
    /// Bytes from which on it is asked whether the query still wants them.
    const LONG: usize = 64 << 10;
    match value {
        Value::Array(_) | Value::Dict(_) if out.len() > LONG && scope.is_over() => out.push(NULL),
        Value::Null => out.push(NULL),
        Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Value::Int(value) => {
            out.push(INT);
            // Zigzag: small negative numbers stay short.
            write_number(((value << 1) ^ (value >> 63)) as u64, out);
        }
        Value::UInt(value) => {
            out.push(UINT);
            write_number(*value, out);
        }
        Value::Float(value) => {
            out.push(FLOAT);
            out.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Value::Str(text) => {
            out.push(STR);
            write_bytes(text, out);
        }
        Value::Bytes(bytes) => {
            out.push(BYTES);
            write_bytes(bytes, out);
        }
        Value::Time(time) => {
            out.push(TIME);
            out.extend_from_slice(&time.unix().to_le_bytes());
            write_number(u64::from(time.subsec_nanos()), out);
            write_number(u64::from(time.zone().number()), out);
        }
        Value::Array(items) if depth < MAX_DEPTH => {
            out.push(ARRAY);
            write_number(items.len() as u64, out);
            for item in items.iter() {
                write_value(scope, item, out, depth + 1);
            }
        }
        Value::Dict(dict) if depth < MAX_DEPTH => {
            let entries = dict.entries();
            out.push(DICT);
            write_number(entries.len() as u64, out);
            for (key, value) in &entries {
                write_bytes(key, out);
                write_value(scope, value, out, depth + 1);
            }
        }
        Value::Lazy(lazy) if depth < MAX_DEPTH => write_value(scope, &lazy.force(scope), out, depth + 1),
        other => {
            let mut text = Vec::new();
            json::write_value(scope, other, &mut text);
            out.push(JSON);
            write_bytes(&text, out);
        }
    }
}

fn read_value(rest: &mut &[u8], depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match read_byte(rest)? {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => {
            let zigzag = read_number(rest)?;
            Value::Int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
        }
        UINT => Value::UInt(read_number(rest)?),
        FLOAT => Value::Float(f64::from_bits(u64::from_le_bytes(read_array(rest)?))),
        STR => Value::Str(Str::new(read_bytes(rest)?)),
        BYTES => Value::bytes(read_bytes(rest)?),
        TIME => {
            let seconds = i64::from_le_bytes(read_array(rest)?);
            let nanos = u32::try_from(read_number(rest)?).ok()?;
            let zone = ZoneId::from_number(u16::try_from(read_number(rest)?).ok()?);
            Value::Time(Time::from_unix(seconds, nanos).in_zone(zone))
        }
        ARRAY => {
            let count = read_number(rest)?;
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(read_value(rest, depth + 1)?);
            }
            Value::array(items)
        }
        DICT => {
            let count = read_number(rest)?;
            let (mut names, mut values) = (Vec::new(), Vec::new());
            for _ in 0..count {
                names.push(Str::new(read_bytes(rest)?));
                values.push(read_value(rest, depth + 1)?);
            }
            Value::Dict(Dict::from_columns(Columns::new(names), values))
        }
        JSON => json::parse(read_bytes(rest)?).ok()?,
        _ => return None,
    })
}

fn write_number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(rest)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn read_bytes<'r>(rest: &mut &'r [u8]) -> Option<&'r [u8]> {
    let length = usize::try_from(read_number(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

fn read_byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, after) = rest.split_first()?;
    *rest = after;
    Some(*byte)
}

fn read_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (array, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*array)
}

/// Bytes of memory a row takes, about: what it shares with others is counted here, too.
pub(crate) fn row_size(row: &Row) -> usize {
    /// A row in a list, and its key with its place in the order.
    const ROW: usize = size_of::<Row>() + size_of::<(Value, u64)>();
    // Values of the row that are looked into.
    let left = &mut (1 << 20);
    match (row.slots(), row.as_value()) {
        (Some((_, [value])), _) => ROW + heap_size(value, 0, left),
        (Some((_, values)), _) => {
            ROW + values
                .iter()
                .map(|value| size_of::<Value>() + heap_size(value, 0, left))
                .sum::<usize>()
        }
        (None, Some(value)) => ROW + heap_size(value, 0, left),
        (None, None) => ROW,
    }
}

/// `left` is how many more values are looked into: parts of a value may be shared and so be met without end.
fn heap_size(value: &Value, depth: u32, left: &mut u32) -> usize {
    /// An allocation with its counters.
    const SHARED: usize = 32;
    *left = left.saturating_sub(1);
    if *left == 0 {
        return 0;
    }
    let mut nested = |value: &Value| size_of::<Value>() + heap_size(value, depth + 1, left);
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Time(_) => 0,
        Value::Str(text) => text.heap_size(),
        Value::Bytes(bytes) => SHARED + bytes.len(),
        Value::Array(items) if depth < MAX_DEPTH => SHARED + items.iter().map(&mut nested).sum::<usize>(),
        Value::Dict(dict) if depth < MAX_DEPTH => {
            3 * SHARED
                + dict
                    .entries()
                    .iter()
                    .map(|(_, value)| nested(value))
                    .sum::<usize>()
        }
        _ => 8 * SHARED,
    }
}

#[cfg(test)]
mod tests {
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
            assert!(parse_record(record, &mut Vec::new()).is_none(), "{record:?}");
        }
    }
}
