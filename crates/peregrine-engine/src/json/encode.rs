//! Values to JSON.

use std::cell::Cell;

use rustc_hash::FxHashMap;

use crate::memory;
use crate::scope::Scope;
use crate::value::{Dict, Row, Str, Value, ZoneId, itoa, shortest};

/// Nested arrays and objects past this are cut off with `null`.
const MAX_LIST_DEPTH: u32 = 11;
/// Dict contents are not counted above; this bounds them against dicts that contain themselves.
const MAX_DEPTH: u32 = 250;
/// Number of values after which the query is asked whether it still wants the text. Shorter texts are written
/// whole.
const MANY: u32 = 1 << 16;

/// Appends the row as one JSON object, without a line end.
///
/// Nothing is appended when the query ends while a large row is being written, so a row is never partial.
pub fn write_row(scope: &Scope, row: &Row, out: &mut Vec<u8>) {
    Encoder::new(scope).row(row, out);
}

/// Appends the row as [`write_row`] does, but keeps bytes that are not UTF-8. Use it for our own files, read
/// back with [`super::decode_row`], so that a path still names its file.
pub fn write_row_exactly(scope: &Scope, row: &Row, out: &mut Vec<u8>) {
    let encoder = Encoder {
        is_exact: true,
        ..Encoder::new(scope)
    };
    encoder.row(row, out);
}

/// Appends the value as JSON, but keeps bytes that are not UTF-8, so that values that differ in them do not
/// become the same text.
pub fn write_value_exactly(scope: &Scope, value: &Value, out: &mut Vec<u8>) {
    let encoder = Encoder {
        is_exact: true,
        ..Encoder::new(scope)
    };
    encoder.value(value, out);
}

/// Appends the value as JSON.
pub fn write_value(scope: &Scope, value: &Value, out: &mut Vec<u8>) {
    Encoder::new(scope).value(value, out);
}

/// ASCII characters that need no escape in a string.
const IS_PLAIN: [bool; 256] = {
    let mut is_plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x80 {
        is_plain[byte] = !matches!(byte as u8, b'"' | b'\\' | b'<' | b'>' | b'&');
        byte += 1;
    }
    is_plain
};

/// Not a number, or infinite: the enclosing column or dict value becomes `null`.
struct NotEncodable;

/// Writes JSON; looks up its settings once per statement.
#[derive(Debug)]
pub struct Encoder<'a> {
    scope: &'a Scope,
    zone: ZoneId,
    /// Keep bytes that are not UTF-8.
    is_exact: bool,
    /// Values written since the start of the row.
    written: Cell<u32>,
    /// The query ended meanwhile, so the rest is left out.
    is_cut: Cell<bool>,
}

impl<'a> Encoder<'a> {
    /// Times are shown in the zone of the variable `TZ`, if it is a string.
    #[must_use]
    pub fn new(scope: &'a Scope) -> Encoder<'a> {
        let zone = match scope.get("TZ") {
            Some(Value::Str(name)) => ZoneId::named(&name.as_utf8_lossy()).unwrap_or(ZoneId::UTC),
            _ => ZoneId::UTC,
        };
        Encoder {
            scope,
            zone,
            is_exact: false,
            written: Cell::new(0),
            is_cut: Cell::new(false),
        }
    }

    /// Appends the row as one JSON object, or nothing if the query ends meanwhile.
    pub fn row(&self, row: &Row, out: &mut Vec<u8>) {
        let start = out.len();
        self.begin();
        match row.as_value() {
            None => {
                if let Some((columns, values)) = row.slots() {
                    self.object(columns.names(), values, out, 0, 0);
                }
            }
            Some(Value::Dict(dict)) => self.dict(dict, out, 0),
            Some(value @ Value::Object(_)) => self.or_null(value, out, 0, 0),
            Some(_) => out.extend_from_slice(b"{}"),
        }
        if self.is_cut.get() {
            out.truncate(start);
        }
    }

    /// Appends the value, or nothing if the query ends meanwhile.
    pub fn value(&self, value: &Value, out: &mut Vec<u8>) {
        let start = out.len();
        self.begin();
        self.or_null(value, out, 0, 0);
        if self.is_cut.get() {
            out.truncate(start);
        }
    }

    fn begin(&self) {
        self.written.set(0);
        self.is_cut.set(false);
    }

    /// Counts a value; true once the query no longer wants it.
    fn is_over(&self) -> bool {
        let written = self.written.get().saturating_add(1);
        self.written.set(written);
        if written > MANY && !self.is_cut.get() {
            self.is_cut.set(self.scope.is_over());
        }
        self.is_cut.get()
    }

    /// The value, or `null` in its place.
    fn or_null(&self, value: &Value, out: &mut Vec<u8>, lists: u32, depth: u32) {
        let start = out.len();
        if self.encode(value, out, lists, depth).is_err() {
            out.truncate(start);
            out.extend_from_slice(b"null");
        }
    }

    fn encode(&self, value: &Value, out: &mut Vec<u8>, lists: u32, depth: u32) -> Result<(), NotEncodable> {
        if depth > MAX_DEPTH || self.is_over() {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Value::Int(value) => out.extend_from_slice(itoa(*value, &mut [0; 20])),
            Value::UInt(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Value::Float(value) => write_float(*value, out)?,
            Value::Str(text) => self.string(text, out),
            Value::Bytes(bytes) => {
                out.push(b'"');
                out.extend_from_slice(data_encoding::BASE64.encode(bytes).as_bytes());
                out.push(b'"');
            }
            Value::Time(time) => match crate::time::rfc3339_in(*time, self.zone) {
                Some(text) => self.string(text.as_bytes(), out),
                None => out.extend_from_slice(b"null"),
            },
            Value::Array(items) => return self.list(items.iter().cloned(), out, lists, depth),
            Value::Dict(dict) => self.dict(dict, out, depth + 1),
            Value::Query(query) => {
                let rows = query.collect(self.scope).into_iter().map(Row::into_value);
                return self.list(rows, out, lists, depth);
            }
            Value::Lazy(lazy) => {
                let value = lazy.force(self.scope);
                return crate::stack::grow(|| self.encode(&value, out, lists, depth + 1));
            }
            Value::Scope(_) => out.extend_from_slice(b"{}"),
            Value::Object(_) if lists >= MAX_LIST_DEPTH => out.extend_from_slice(b"null"),
            Value::Object(object) => match object.to_json(self.scope) {
                Some(plain) => return self.encode(&plain, out, lists + 1, depth + 1),
                None => {
                    let names = object.member_names();
                    let member = |name: &Str| value.member(self.scope, name).unwrap_or_default();
                    let members: Vec<Value> = names.iter().map(member).collect();
                    self.object(&names, &members, out, lists + 1, depth + 1);
                }
            },
        }
        Ok(())
    }

    fn list(
        &self,
        items: impl Iterator<Item = Value>,
        out: &mut Vec<u8>,
        lists: u32,
        depth: u32,
    ) -> Result<(), NotEncodable> {
        if lists >= MAX_LIST_DEPTH {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        out.push(b'[');
        for (i, item) in items.enumerate() {
            if self.is_cut.get() || (i.is_multiple_of(64) && !memory::has_room_in(out)) {
                break;
            }
            if i > 0 {
                out.push(b',');
            }
            crate::stack::grow(|| self.encode(&item, out, lists + 1, depth + 1))?;
        }
        out.push(b']');
        Ok(())
    }

    fn dict(&self, dict: &Dict, out: &mut Vec<u8>, depth: u32) {
        let (columns, values) = dict.parts();
        self.object(columns.names(), &values, out, 0, depth);
    }

    fn object(&self, names: &[Str], values: &[Value], out: &mut Vec<u8>, lists: u32, depth: u32) {
        out.push(b'{');
        let shown = (!self.is_exact).then(|| told_apart(names)).flatten();
        for (i, (key, value)) in names.iter().zip(values).enumerate() {
            if self.is_cut.get() {
                break;
            }
            if i > 0 {
                out.push(b',');
            }
            match shown.as_ref().and_then(|shown| shown.get(i)) {
                Some(name) => self.string(name.as_bytes(), out),
                None => self.string(key, out),
            }
            out.push(b':');
            match value {
                Value::Str(text) if depth <= MAX_DEPTH => self.string(text, out),
                value => crate::stack::grow(|| self.or_null(value, out, lists, depth)),
            }
        }
        out.push(b'}');
    }
}

/// Names for the keys of an object, if replacing invalid UTF-8 by U+FFFD would make two of them equal:
/// readers would keep only one of the values. Such keys show their bytes as `\xff`.
fn told_apart(keys: &[Str]) -> Option<Vec<String>> {
    if keys.iter().all(|key| key.as_utf8().is_some()) {
        return None;
    }
    let mut counts: FxHashMap<String, usize> = FxHashMap::default();
    for key in keys {
        *counts.entry(key.to_string()).or_default() += 1;
    }
    let mut names = Vec::with_capacity(keys.len());
    for key in keys {
        let mut name = key.to_string();
        if key.as_utf8().is_none() && counts.get(&name).is_some_and(|count| *count > 1) {
            name = key.utf8_chunks().fold(String::new(), |mut shown, chunk| {
                shown.push_str(chunk.valid());
                shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
                shown
            });
            // Another key may already have this very name.
            while counts.contains_key(&name) {
                name.push('\'');
            }
            counts.insert(name.clone(), 1);
        }
        names.push(name);
    }
    Some(names)
}

impl Encoder<'_> {
    /// A JSON string: HTML-safe, invalid UTF-8 replaced byte by byte.
    fn string(&self, text: &[u8], out: &mut Vec<u8>) {
        /// Bytes written between two checks of the memory: escapes make text up to six times as long.
        const PIECE: usize = 1 << 20;
        out.push(b'"');
        let mut rest = text;
        if rest.len() <= PIECE {
            // Most text needs no escapes.
            let plain = rest
                .iter()
                .position(|byte| !IS_PLAIN[usize::from(*byte)])
                .unwrap_or(rest.len());
            let (before, after) = rest.split_at(plain);
            out.extend_from_slice(before);
            rest = after;
        }
        while rest.len() > PIECE && memory::has_room(out.len()) {
            // Not in the middle of a character.
            let is_within = |at: &usize| rest.get(*at).is_some_and(|byte| byte & 0xc0 == 0x80);
            let at = (PIECE - 3..=PIECE)
                .rev()
                .find(|at| !is_within(at))
                .unwrap_or(PIECE);
            let (piece, after) = rest.split_at(at);
            self.chunks(piece, out);
            rest = after;
        }
        if rest.len() <= PIECE || memory::has_room(rest.len()) {
            self.chunks(rest, out);
        }
        out.push(b'"');
    }

    fn chunks(&self, text: &[u8], out: &mut Vec<u8>) {
        for chunk in text.utf8_chunks() {
            write_valid(chunk.valid(), out);
            if self.is_exact {
                out.extend_from_slice(chunk.invalid());
            } else {
                for _ in chunk.invalid() {
                    out.extend_from_slice(b"\\ufffd");
                }
            }
        }
    }
}

/// Plain notation for 1e-6 ≤ abs < 1e21, else `1e-7`.
fn write_float(value: f64, out: &mut Vec<u8>) -> Result<(), NotEncodable> {
    if !value.is_finite() {
        return Err(NotEncodable);
    }
    let magnitude = value.abs();
    let text = if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let (digits, exponent) = shortest(value);
        format!(
            "{digits}e{}{}",
            if exponent < 0 { '-' } else { '+' },
            exponent.unsigned_abs()
        )
    } else {
        format!("{value}")
    };
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn write_valid(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (i, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            b'<' => b"\\u003c",
            b'>' => b"\\u003e",
            b'&' => b"\\u0026",
            0xe2 => match bytes.get(i..i + 3) {
                Some([_, 0x80, 0xa8]) => b"\\u2028",
                Some([_, 0x80, 0xa9]) => b"\\u2029",
                _ => continue,
            },
            byte if *byte < 0x20 => {
                out.extend_from_slice(&bytes[plain..i]);
                out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                plain = i + 1;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..i]);
        out.extend_from_slice(escaped);
        plain = i + if *byte == 0xe2 { 3 } else { 1 };
    }
    out.extend_from_slice(&bytes[plain..]);
}
