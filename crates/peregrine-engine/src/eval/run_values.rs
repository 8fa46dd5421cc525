//! Values in the temporary files of [`runs`](super::runs).
//!
//! A value is a tag followed by its data. Numbers are LEB128, except floats (8 bytes, little endian). What
//! cannot be written (how an object's type rebuilds it, alternative spellings of columns) stays in memory, in
//! [`KeptInMemory`], and is referred to by number: there is one entry for each type in the program, not for
//! each value.

use std::any::TypeId;
use std::sync::Arc;

use peregrine_base::{Reader, write_leb128};
use rustc_hash::FxHashMap;

use crate::json;
use crate::scope::Scope;
use crate::value::{Beyond, Columns, Dict, Lookup, Packed, Str, Time, Value, ZoneId};

/// Nesting beyond which a value is written as JSON, which has its own bound.
pub(super) const MAX_DEPTH: u32 = 32;

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
/// An object that can rebuild itself.
const PACKED: u8 = 12;
/// A dict with special lookup rules.
const SPECIAL_DICT: u8 = 13;

/// The parts of values that a run only refers to.
#[derive(Default)]
pub(super) struct KeptInMemory {
    unpack: Vec<fn(Vec<Value>) -> Option<Value>>,
    types: FxHashMap<TypeId, u64>,
    beyond: Vec<Arc<Beyond>>,
}

impl KeptInMemory {
    fn type_number(&mut self, id: TypeId, unpack: fn(Vec<Value>) -> Option<Value>) -> u64 {
        *self.types.entry(id).or_insert_with(|| {
            self.unpack.push(unpack);
            self.unpack.len() as u64 - 1
        })
    }

    fn beyond_number(&mut self, beyond: &Arc<Beyond>) -> u64 {
        let known = self.beyond.iter().position(|known| Arc::ptr_eq(known, beyond));
        let number = known.unwrap_or_else(|| {
            self.beyond.push(Arc::clone(beyond));
            self.beyond.len() - 1
        });
        number as u64
    }
}

/// Appends a value.
pub(super) fn write_value(
    kept: &mut KeptInMemory,
    scope: &Scope,
    value: &Value,
    out: &mut Vec<u8>,
    depth: u32,
) {
    /// Length above which the query is asked whether it still wants the value.
    const LONG: usize = 64 << 10;
    match value {
        Value::Array(_) | Value::Dict(_) if out.len() > LONG && scope.is_over() => out.push(NULL),
        Value::Null => out.push(NULL),
        Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Value::Int(value) => {
            out.push(INT);
            // Zigzag encoding keeps small negative numbers short.
            write_leb128(((value << 1) ^ (value >> 63)) as u64, out);
        }
        Value::UInt(value) => {
            out.push(UINT);
            write_leb128(*value, out);
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
            write_leb128(u64::from(time.subsec_nanos()), out);
            write_leb128(u64::from(time.zone().number()), out);
        }
        Value::Array(items) if depth < MAX_DEPTH => {
            out.push(ARRAY);
            write_leb128(items.len() as u64, out);
            for item in items.iter() {
                write_value(kept, scope, item, out, depth + 1);
            }
        }
        Value::Dict(dict) if depth < MAX_DEPTH => write_dict(kept, scope, dict, out, depth),
        Value::Query(query) if depth < MAX_DEPTH => {
            write_value(kept, scope, &query.to_array(scope), out, depth + 1);
        }
        Value::Lazy(lazy) if depth < MAX_DEPTH => {
            write_value(kept, scope, &lazy.force(scope), out, depth + 1);
        }
        Value::Object(object) if depth < MAX_DEPTH => {
            if let Some(Packed { parts, unpack }) = object.packed() {
                out.push(PACKED);
                write_leb128(kept.type_number(object.as_any().type_id(), unpack), out);
                write_leb128(parts.len() as u64, out);
                for part in &parts {
                    write_value(kept, scope, part, out, depth + 1);
                }
            } else if let Some(plain) = object.to_json(scope) {
                write_value(kept, scope, &plain, out, depth + 1);
            } else {
                let names = object.member_names().into_iter();
                let members = names.map(|name| {
                    let member = value.member(scope, &name);
                    (name, member.unwrap_or_default())
                });
                write_dict(kept, scope, &Dict::from_pairs(members), out, depth);
            }
        }
        other => {
            let mut text = Vec::new();
            json::write_value_exactly(scope, other, &mut text);
            out.push(JSON);
            write_bytes(&text, out);
        }
    }
}

fn write_dict(kept: &mut KeptInMemory, scope: &Scope, dict: &Dict, out: &mut Vec<u8>, depth: u32) {
    let (entries, lookup) = (dict.entries(), dict.lookup());
    let beyond = dict.columns().beyond().cloned();
    if beyond.is_none() && lookup.is_plain() {
        out.push(DICT);
    } else {
        out.push(SPECIAL_DICT);
        let default = lookup
            .default
            .clone()
            .map_or_else(Vec::new, |default| vec![default]);
        out.push(u8::from(lookup.ignores_case) | u8::from(lookup.has_field_names) << 1);
        write_value(kept, scope, &Value::array(default), out, depth + 1);
        write_leb128(beyond.map_or(0, |beyond| kept.beyond_number(&beyond) + 1), out);
    }
    write_leb128(entries.len() as u64, out);
    for (key, value) in &entries {
        write_bytes(key, out);
        write_value(kept, scope, value, out, depth + 1);
    }
}

/// Reads a value from the front of `rest`; `None` if it is damaged.
pub(super) fn read_value(kept: &KeptInMemory, rest: &mut Reader<'_>, depth: u32) -> Option<Value> {
    if depth > MAX_DEPTH + 1 {
        return None;
    }
    Some(match rest.u8()? {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => {
            let zigzag = rest.leb128()?;
            Value::Int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
        }
        UINT => Value::UInt(rest.leb128()?),
        FLOAT => Value::Float(rest.f64_le()?),
        STR => Value::Str(Str::new(read_bytes(rest)?)),
        BYTES => Value::bytes(read_bytes(rest)?),
        TIME => {
            let seconds = rest.i64_le()?;
            let nanos = u32::try_from(rest.leb128()?).ok()?;
            let zone = ZoneId::from_number(u16::try_from(rest.leb128()?).ok()?);
            Value::Time(Time::from_unix(seconds, nanos).in_zone(zone))
        }
        ARRAY => {
            let count = rest.leb128()?;
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(read_value(kept, rest, depth + 1)?);
            }
            Value::array(items)
        }
        DICT => read_dict(kept, rest, None, depth)?,
        SPECIAL_DICT => {
            let flags = rest.u8()?;
            let default = read_value(kept, rest, depth + 1)?;
            let beyond = match usize::try_from(rest.leb128()?).ok()?.checked_sub(1) {
                Some(number) => Some(kept.beyond.get(number)?),
                None => None,
            };
            let Value::Dict(dict) = read_dict(kept, rest, beyond, depth)? else {
                return None;
            };
            Value::Dict(dict.with_lookup(Lookup {
                ignores_case: flags & 1 != 0,
                has_field_names: flags & 2 != 0,
                default: default.as_array().and_then(|items| items.first().cloned()),
            }))
        }
        PACKED => {
            let unpack = kept.unpack.get(usize::try_from(rest.leb128()?).ok()?)?;
            let mut parts = Vec::new();
            for _ in 0..rest.leb128()? {
                parts.push(read_value(kept, rest, depth + 1)?);
            }
            unpack(parts)?
        }
        JSON => json::parse(read_bytes(rest)?).ok()?,
        _ => return None,
    })
}

fn read_dict(
    kept: &KeptInMemory,
    rest: &mut Reader<'_>,
    beyond: Option<&Arc<Beyond>>,
    depth: u32,
) -> Option<Value> {
    let count = rest.leb128()?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for _ in 0..count {
        names.push(Str::new(read_bytes(rest)?));
        values.push(read_value(kept, rest, depth + 1)?);
    }
    let columns = match beyond {
        Some(beyond) => Columns::new_over(names, beyond),
        None => Columns::new(names),
    };
    Some(Value::Dict(Dict::from_columns(columns, values)))
}

pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_leb128(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[inline]
pub(super) fn read_bytes<'r>(rest: &mut Reader<'r>) -> Option<&'r [u8]> {
    let length = usize::try_from(rest.leb128()?).ok()?;
    rest.take(length)
}
