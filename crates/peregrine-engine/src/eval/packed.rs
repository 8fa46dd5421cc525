//! Rows held compactly while they wait to be sorted.
//!
//! A separate row costs 24 bytes for each value and at least one allocation. Here numbers, times and unshared
//! strings are stored as bytes, row after row, in large pieces. Shared or complex values are kept as they are
//! in a separate list, as are rows that are not a list of columns or respond to more names than they show.

use std::sync::Arc;

use peregrine_base::{Reader, write_leb128};
use rustc_hash::FxHashMap;

use super::run_values::{read_bytes, write_bytes};
use super::runs::{row_size, value_size};
use crate::value::{Columns, Row, Str, Time, Value, ZoneId};

/// Approximate bytes of a piece. One growing list would need its old space and twice as much at the same
/// time.
const PIECE: usize = 256 << 10;
/// A longer row may make its piece grow.
const USUAL_ROW: usize = 4 << 10;
/// Longest string that is copied.
const MAX_COPIED: usize = 1 << 10;
/// Maximum number of column lists that are reused.
const MAX_LISTS: usize = 4096;
/// Bytes a row costs while it is sorted.
const SORTING: usize = size_of::<(u64, u64, u64)>();

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UINT: u8 = 3;
const FLOAT: u8 = 4;
const TIME: u8 = 5;
const STR: u8 = 6;
const KEPT: u8 = 7;
/// The low bits hold the number of bytes, 1 to 8.
const INT: u8 = 16;

/// The start of an item: the number of the piece, and the byte in it.
pub(super) type Place = u64;

/// Rows in the order they came.
#[derive(Default)]
pub(super) struct PackedRows {
    pieces: Vec<Vec<u8>>,
    lists: Vec<Arc<Columns>>,
    numbers: FxHashMap<u32, u64>,
    values: Pieces<Value>,
    rows: Pieces<Row>,
    count: usize,
    size: usize,
}

impl PackedRows {
    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Approximate bytes of memory the rows take, including what sorting them will take.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn push(&mut self, row: Row) {
        let has_room = |piece: &Vec<u8>| piece.len() + USUAL_ROW <= PIECE;
        let mut piece = match self.pieces.pop_if(|piece| has_room(piece)) {
            Some(piece) => piece,
            // Many sorts have only a few rows.
            None if self.pieces.is_empty() => Vec::new(),
            None => Vec::with_capacity(PIECE),
        };
        let start = piece.len();
        match row.slots() {
            Some((columns, values)) if columns.shown().is_none() => {
                write_leb128(self.list(columns) + 1, &mut piece);
                for value in values {
                    self.write(value, &mut piece);
                }
            }
            _ => {
                self.size += row_size(&row);
                write_leb128(0, &mut piece);
                write_leb128(self.rows.push(row), &mut piece);
            }
        }
        self.count += 1;
        self.size += piece.len() - start + SORTING;
        self.pieces.push(piece);
    }

    /// The places of all rows in order of arrival, each with the place of its value in the column that
    /// `position` gives; `None` for rows without that column.
    pub(super) fn places(
        &self,
        position: impl Fn(&Columns) -> Option<usize>,
    ) -> impl Iterator<Item = (Place, Option<Place>)> {
        let mut piece = 0;
        let mut rest = self.bytes_of(0).unwrap_or(Reader::new(&[]));
        std::iter::from_fn(move || {
            while rest.is_empty() {
                piece += 1;
                rest = self.bytes_of(piece)?;
            }
            let whole = self.pieces.get(piece)?.len();
            let here = |rest: Reader<'_>| (piece as u64) << 32 | (whole - rest.len()) as u64;
            let row = here(rest);
            let mut value = None;
            if let Start::Columns(columns) = self.start(&mut rest)? {
                let wanted = position(columns);
                for column in 0..columns.len() {
                    if wanted == Some(column) {
                        value = Some(here(rest));
                    }
                    skip(&mut rest)?;
                }
            }
            Some((row, value))
        })
    }

    /// A copy of the row.
    pub(super) fn get(&self, place: Place) -> Row {
        let mut rest = self.at(place);
        let row = match self.start(&mut rest) {
            Some(Start::Columns(columns)) => {
                let mut value = || self.read(&mut rest);
                row_of(columns, &mut value)
            }
            Some(Start::Row(number)) => self.rows.get(number).cloned(),
            None => None,
        };
        row.unwrap_or_else(Row::gone)
    }

    /// The row, when it will not be asked for again.
    pub(super) fn take(&mut self, place: Place) -> Row {
        let PackedRows {
            pieces,
            lists,
            values,
            rows,
            ..
        } = self;
        let mut rest = bytes_at(pieces, place);
        let row = match start_of(lists, &mut rest) {
            Some(Start::Columns(columns)) => {
                let mut value = || match read_plain(&mut rest)? {
                    Read::Plain(value) => Some(value),
                    Read::Text(text) => Some(Value::Str(Str::new(text))),
                    Read::Kept(number) => values.get_mut(number).map(std::mem::take),
                };
                row_of(columns, &mut value)
            }
            Some(Start::Row(number)) => rows
                .get_mut(number)
                .map(|row| std::mem::replace(row, Row::gone())),
            None => None,
        };
        row.unwrap_or_else(Row::gone)
    }

    /// The value at a place, if it is an int.
    pub(super) fn int(&self, place: Place) -> Option<i64> {
        match read_plain(&mut self.at(place))? {
            Read::Plain(Value::Int(value)) => Some(value),
            _ => None,
        }
    }

    /// The value at a place, if it is a string or NULL.
    pub(super) fn text(&self, place: Place) -> Option<&[u8]> {
        match read_plain(&mut self.at(place))? {
            Read::Text(text) => Some(text),
            Read::Kept(number) => match self.values.get(number)? {
                Value::Str(text) => Some(text),
                _ => None,
            },
            Read::Plain(Value::Null) => Some(&[]),
            Read::Plain(_) => None,
        }
    }

    fn bytes_of(&self, piece: usize) -> Option<Reader<'_>> {
        self.pieces.get(piece).map(|piece| Reader::new(piece))
    }

    fn at(&self, place: Place) -> Reader<'_> {
        bytes_at(&self.pieces, place)
    }

    fn start<'r>(&'r self, rest: &mut Reader<'_>) -> Option<Start<'r>> {
        start_of(&self.lists, rest)
    }

    fn read(&self, rest: &mut Reader<'_>) -> Option<Value> {
        match read_plain(rest)? {
            Read::Plain(value) => Some(value),
            Read::Text(text) => Some(Value::Str(Str::new(text))),
            Read::Kept(number) => self.values.get(number).cloned(),
        }
    }

    fn write(&mut self, value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Null => out.push(NULL),
            Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
            Value::Int(value) => {
                // Including the sign.
                let bits = 65 - (value ^ (value >> 63)).leading_zeros() as usize;
                let length = bits.div_ceil(8);
                out.push(INT + length as u8);
                out.extend_from_slice(&value.to_le_bytes()[..length]);
            }
            Value::UInt(value) => {
                out.push(UINT);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Float(value) => {
                out.push(FLOAT);
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            Value::Time(time) => {
                out.push(TIME);
                out.extend_from_slice(&time.unix().to_le_bytes());
                out.extend_from_slice(&time.subsec_nanos().to_le_bytes());
                out.extend_from_slice(&time.zone().number().to_le_bytes());
            }
            Value::Str(text) if text.len() <= MAX_COPIED && !text.is_shared() => {
                out.push(STR);
                write_bytes(text, out);
            }
            other => {
                out.push(KEPT);
                self.size += size_of::<Value>() + value_size(other);
                write_leb128(self.values.push(other.clone()), out);
            }
        }
    }

    /// The number of a column list.
    fn list(&mut self, columns: &Arc<Columns>) -> u64 {
        if let Some(last) = self.lists.last()
            && Arc::ptr_eq(last, columns)
        {
            return self.lists.len() as u64 - 1;
        }
        if let Some(number) = self.numbers.get(&columns.id()) {
            return *number;
        }
        if self.numbers.len() >= MAX_LISTS {
            self.numbers.clear();
        }
        let number = self.lists.len() as u64;
        self.size += size_of::<Columns>() + columns.len() * size_of::<Str>();
        self.lists.push(Arc::clone(columns));
        if columns.id() != 0 {
            self.numbers.insert(columns.id(), number);
        }
        number
    }
}

/// The start of a stored row.
enum Start<'r> {
    Columns(&'r Arc<Columns>),
    /// Refers to one of the rows kept whole.
    Row(u64),
}

fn start_of<'r>(lists: &'r [Arc<Columns>], rest: &mut Reader<'_>) -> Option<Start<'r>> {
    Some(match rest.leb128()?.checked_sub(1) {
        Some(list) => Start::Columns(lists.get(usize::try_from(list).ok()?)?),
        None => Start::Row(rest.leb128()?),
    })
}

/// A value as stored.
enum Read<'r> {
    Plain(Value),
    Text(&'r [u8]),
    /// Refers to one of the values kept separately.
    Kept(u64),
}

#[inline]
fn read_plain<'r>(rest: &mut Reader<'r>) -> Option<Read<'r>> {
    Some(Read::Plain(match rest.u8()? {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        UINT => Value::UInt(rest.u64_le()?),
        FLOAT => Value::Float(rest.f64_le()?),
        TIME => {
            let seconds = rest.i64_le()?;
            let nanos = rest.u32_le()?;
            let zone = ZoneId::from_number(rest.u16_le()?);
            Value::Time(Time::from_unix(seconds, nanos).in_zone(zone))
        }
        STR => return read_bytes(rest).map(Read::Text),
        KEPT => return rest.leb128().map(Read::Kept),
        tag => {
            let length = usize::from(tag.checked_sub(INT)?).clamp(1, 8);
            let mut bytes = [0; 8];
            bytes[..length].copy_from_slice(rest.take(length)?);
            let unused = 64 - 8 * length as u32;
            Value::Int(i64::from_le_bytes(bytes) << unused >> unused)
        }
    }))
}

/// Skips a value.
fn skip(rest: &mut Reader<'_>) -> Option<()> {
    let length = match rest.u8()? {
        NULL | FALSE | TRUE => 0,
        UINT | FLOAT => 8,
        TIME => 14,
        STR => return read_bytes(rest).map(|_| ()),
        KEPT => return rest.leb128().map(|_| ()),
        tag => usize::from(tag.checked_sub(INT)?),
    };
    rest.take(length).map(|_| ())
}

fn row_of(columns: &Arc<Columns>, value: &mut dyn FnMut() -> Option<Value>) -> Option<Row> {
    if columns.len() == 1 {
        return Some(Row::single(columns, value()?));
    }
    let mut values = Vec::with_capacity(columns.len());
    for _ in 0..columns.len() {
        values.push(value()?);
    }
    Some(Row::new(columns, values))
}

fn bytes_at(pieces: &[Vec<u8>], place: Place) -> Reader<'_> {
    let piece = pieces.get((place >> 32) as usize);
    let bytes = piece.and_then(|piece| piece.get(place as u32 as usize..));
    Reader::new(bytes.unwrap_or_default())
}

/// A list in pieces.
struct Pieces<T>(Vec<Vec<T>>);

impl<T> Pieces<T> {
    const PIECE: usize = 4096;

    /// Adds an item and returns its number.
    fn push(&mut self, item: T) -> u64 {
        let full = self.0.len().saturating_sub(1) * Self::PIECE;
        match self.0.last_mut() {
            Some(piece) if piece.len() < Self::PIECE => {
                piece.push(item);
                (full + piece.len() - 1) as u64
            }
            last => {
                let mut piece = Vec::with_capacity(if last.is_some() { Self::PIECE } else { 4 });
                piece.push(item);
                self.0.push(piece);
                ((self.0.len() - 1) * Self::PIECE) as u64
            }
        }
    }

    fn get(&self, number: u64) -> Option<&T> {
        let number = usize::try_from(number).ok()?;
        self.0.get(number / Self::PIECE)?.get(number % Self::PIECE)
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let number = usize::try_from(number).ok()?;
        self.0
            .get_mut(number / Self::PIECE)?
            .get_mut(number % Self::PIECE)
    }
}

impl<T> Default for Pieces<T> {
    fn default() -> Pieces<T> {
        Pieces(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::PackedRows;
    use crate::value::{Columns, Dict, Row, Str, Time, Value, ZoneId};

    #[test]
    fn rows_come_back_as_they_were() {
        let columns = Columns::new(["A", "B"]);
        let row = |a, b| Row::new(&columns, vec![a, b]);
        let dict = Dict::from_pairs([("k", 1)]);
        let long = Str::from("a string that does not fit into a value");
        let mut rows = vec![
            row(Value::Null, Value::from(true)),
            row(Value::UInt(u64::MAX), Value::Float(-0.5)),
            row(Value::Str(long.clone()), Value::from("short")),
            row(Value::Str(long.clone()), Value::from("x".repeat(5000))),
            row(Value::Dict(dict.clone()), Value::bytes(b"\xff")),
            row(
                Value::Time(Time::from_unix(-5, 999).in_zone(ZoneId::fixed(3600))),
                Value::from("never shared, but longer than a value"),
            ),
            Row::from_pairs([("Only", Value::Int(7))]),
            Row::from(Value::from("no columns")),
        ];
        for bits in 0..64 {
            let power = 1_i64 << bits;
            let number = |int: i64| row(Value::Int(int), Value::Int(int.wrapping_neg()));
            rows.extend([power, power.wrapping_sub(1), power.wrapping_add(1)].map(number));
        }
        let mut packed = PackedRows::default();
        // More than a piece.
        let many = 20_000;
        for at in 0..many {
            packed.push(rows[at % rows.len()].clone());
        }
        // A string nobody else has.
        packed.push(row(
            Value::from("one row only, but longer than a value"),
            Value::Int(1),
        ));
        let all: Vec<_> = packed.places(|columns| columns.position(b"B")).collect();
        assert_eq!((all.len(), packed.len()), (many + 1, many + 1));
        assert_eq!(all.last().and_then(|(_, value)| packed.int((*value)?)), Some(1));
        let last = packed.get(all[many].0).get("A").unwrap_or_default();
        assert_eq!(
            last.as_str().map(|text| &text[..]),
            Some(&b"one row only, but longer than a value"[..])
        );
        let text = |at: usize| packed.text(all[at].1?);
        assert_eq!((text(2), text(1)), (Some(&b"short"[..]), None));
        assert_eq!(text(3).map(<[u8]>::len), Some(5000));
        let show = |row: &Row| format!("{:?} {:?}", row.entries(), row.as_value());
        for (at, (place, _)) in all.into_iter().take(many).enumerate() {
            let wanted = show(&rows[at % rows.len()]);
            assert_eq!(show(&packed.get(place)), wanted);
            let row = packed.take(place);
            assert_eq!(show(&row), wanted);
            if let Some(back) = row.get("A").as_ref().and_then(Value::as_dict) {
                assert!(back.is_same(&dict));
            }
        }
    }
}
