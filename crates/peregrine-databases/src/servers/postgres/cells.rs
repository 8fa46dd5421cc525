//! Values of PostgreSQL in their binary format.
//!
//! The formats are those of the server's `*_send` functions: big-endian numbers, times in microseconds since
//! 2000.

use std::error::Error;
use std::net::{Ipv4Addr, Ipv6Addr};

use peregrine_engine::json;
use peregrine_engine::prelude::*;
use tokio_postgres::types::{FromSql, Kind, Type};

use super::numeric;
use super::reader::Reader;
use super::times;

/// Maximum nesting of types.
const MAX_DEPTH: u32 = 16;

/// A value of a row.
pub(super) struct Cell(pub(super) Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Cell, Box<dyn Error + Sync + Send>> {
        Ok(value(kind, raw, 0).map(Cell)?)
    }

    fn from_sql_null(_: &Type) -> Result<Cell, Box<dyn Error + Sync + Send>> {
        Ok(Cell(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Whether values of the type can be read.
pub(super) fn is_readable(kind: &Type) -> bool {
    is_readable_within(kind, 0)
}

fn is_readable_within(kind: &Type, depth: u32) -> bool {
    if depth > MAX_DEPTH {
        return false;
    }
    match kind.kind() {
        Kind::Enum(_) => true,
        Kind::Array(inner) | Kind::Domain(inner) | Kind::Range(inner) => is_readable_within(inner, depth + 1),
        Kind::Composite(fields) => fields
            .iter()
            .all(|field| is_readable_within(field.type_(), depth + 1)),
        _ => is_simple(kind),
    }
}

fn is_simple(kind: &Type) -> bool {
    is_text(kind)
        || matches!(
            *kind,
            Type::BOOL
                | Type::CHAR
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::OID
                | Type::XID
                | Type::CID
                | Type::REGCLASS
                | Type::REGTYPE
                | Type::REGPROC
                | Type::REGPROCEDURE
                | Type::REGNAMESPACE
                | Type::REGROLE
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::NUMERIC
                | Type::BYTEA
                | Type::DATE
                | Type::TIME
                | Type::TIMETZ
                | Type::TIMESTAMP
                | Type::TIMESTAMPTZ
                | Type::INTERVAL
                | Type::UUID
                | Type::JSON
                | Type::JSONB
                | Type::INET
                | Type::CIDR
                | Type::MACADDR
                | Type::MACADDR8
                | Type::BIT
                | Type::VARBIT
                | Type::PG_LSN
                | Type::RECORD
                | Type::VOID
        )
}

/// Types whose binary format is their text.
fn is_text(kind: &Type) -> bool {
    matches!(
        *kind,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::XML | Type::UNKNOWN | Type::CSTRING
    ) || kind.name() == "citext"
}

/// The value of a type. An error describes the damage.
fn value(kind: &Type, raw: &[u8], depth: u32) -> Result<Value, String> {
    if depth > MAX_DEPTH {
        return Err("types are nested too deeply".to_owned());
    }
    let mut reader = Reader::new(raw);
    match kind.kind() {
        Kind::Enum(_) => return Ok(Value::str(raw)),
        Kind::Domain(inner) => return value(inner, raw, depth + 1),
        Kind::Array(_) => return array(kind, &mut reader, depth),
        Kind::Range(inner) => return range(inner, &mut reader, depth),
        Kind::Composite(fields) => {
            let names = fields
                .iter()
                .map(|field| (Some(field.name()), Some(field.type_())));
            return composite(&mut reader, names.collect(), depth);
        }
        _ => {}
    }
    if is_text(kind) {
        return Ok(Value::str(raw));
    }
    Ok(match *kind {
        Type::BOOL => Value::Bool(reader.u8()? != 0),
        Type::CHAR | Type::BYTEA => Value::str(raw),
        Type::INT2 => Value::from(i64::from(reader.i16()?)),
        Type::INT4 => Value::from(i64::from(reader.i32()?)),
        Type::INT8 => Value::from(reader.i64()?),
        Type::OID
        | Type::XID
        | Type::CID
        | Type::REGCLASS
        | Type::REGTYPE
        | Type::REGPROC
        | Type::REGPROCEDURE
        | Type::REGNAMESPACE
        | Type::REGROLE => Value::from(i64::from(reader.u32()?)),
        // The shortest decimal for this number, as the server shows it.
        Type::FLOAT4 => {
            let number = f32::from_bits(reader.u32()?);
            Value::from(number.to_string().parse::<f64>().unwrap_or(f64::from(number)))
        }
        Type::FLOAT8 => Value::from(f64::from_bits(reader.u64()?)),
        Type::NUMERIC => Value::str(numeric::text(&mut reader)?.as_str()),
        Type::DATE => times::date(reader.i32()?),
        Type::TIME => Value::str(times::of_day(reader.i64()?).as_str()),
        Type::TIMETZ => Value::str(times::of_day_with_zone(reader.i64()?, reader.i32()?).as_str()),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => times::timestamp(reader.i64()?),
        Type::INTERVAL => Value::str(times::interval(reader.i64()?, reader.i32()?, reader.i32()?).as_str()),
        Type::UUID => {
            let hex = data_encoding::HEXLOWER.encode(reader.take(16)?);
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default());
            Value::str(parts.join("-").as_str())
        }
        Type::JSON => document(raw),
        // Preceded by a version.
        Type::JSONB => document(raw.get(1..).unwrap_or_default()),
        Type::INET | Type::CIDR => Value::str(address(&mut reader)?.as_str()),
        Type::MACADDR | Type::MACADDR8 => {
            let parts: Vec<String> = raw.iter().map(|byte| format!("{byte:02x}")).collect();
            Value::str(parts.join(":").as_str())
        }
        Type::BIT | Type::VARBIT => Value::str(bits(&mut reader)?.as_str()),
        Type::PG_LSN => {
            let place = reader.u64()?;
            Value::str(format!("{:X}/{:X}", place >> 32, place & 0xffff_ffff).as_str())
        }
        Type::RECORD => composite(&mut reader, Vec::new(), depth)?,
        Type::VOID => Value::str(""),
        _ => return Err(format!("values of type `{}` cannot be read", kind.name())),
    })
}

/// JSON that is nested too deeply stays text.
fn document(text: &[u8]) -> Value {
    json::parse(text).unwrap_or_else(|_| Value::str(text))
}

/// Number of dimensions, flag, type; length and first index of each dimension; then the elements, each with
/// its length.
fn array(kind: &Type, reader: &mut Reader<'_>, depth: u32) -> Result<Value, String> {
    let Kind::Array(element) = kind.kind() else {
        return Err("no array".to_owned());
    };
    let dimensions = reader.u32()?;
    reader.take(8)?;
    if dimensions == 0 {
        return Ok(Value::array(Vec::new()));
    }
    if dimensions > MAX_DEPTH {
        return Err(format!("an array has {dimensions} dimensions"));
    }
    let mut lengths = Vec::new();
    for _ in 0..dimensions {
        lengths.push(reader.u32()? as usize);
        reader.take(4)?;
    }
    let count = lengths
        .iter()
        .try_fold(1usize, |count, length| count.checked_mul(*length))
        .filter(|count| *count <= reader.left() / 4)
        .ok_or("an array has fewer elements than it says")?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(match reader.field()? {
            Some(raw) => value(element, raw, depth + 1)?,
            None => Value::Null,
        });
    }
    // The last dimension varies fastest.
    for length in lengths.iter().skip(1).rev() {
        items = items
            .chunks((*length).max(1))
            .map(|chunk| Value::array(chunk.to_vec()))
            .collect();
    }
    Ok(Value::array(items))
}

/// Number of fields; then each with its type and length. A dict if there are names, otherwise an array.
fn composite(
    reader: &mut Reader<'_>,
    known: Vec<(Option<&str>, Option<&Type>)>,
    depth: u32,
) -> Result<Value, String> {
    let count = reader.u32()? as usize;
    if count > reader.left() / 8 {
        return Err("a record has fewer fields than it says".to_owned());
    }
    let mut items = Vec::with_capacity(count);
    let mut named = Vec::with_capacity(count);
    for at in 0..count {
        let id = reader.u32()?;
        let (name, kind) = known.get(at).copied().unwrap_or_default();
        let item = match (reader.field()?, kind.cloned().or_else(|| Type::from_oid(id))) {
            (None, _) => Value::Null,
            (Some(raw), Some(kind)) => value(&kind, raw, depth + 1)?,
            (Some(_), None) => {
                return Err("a field of a record has a type of the server's own; name the fields".to_owned());
            }
        };
        match name {
            Some(name) => named.push((Str::from(name), item)),
            None => items.push(item),
        }
    }
    Ok(match known.is_empty() {
        true => Value::array(items),
        false => Value::Dict(Dict::from_pairs(named)),
    })
}

/// Flags (1 empty, 2 and 4 inclusive, 8 and 16 unbounded), then the existing bounds.
fn range(inner: &Type, reader: &mut Reader<'_>, depth: u32) -> Result<Value, String> {
    let flags = reader.u8()?;
    let has = |flag: u8| flags & flag != 0;
    let bounds = Dict::new();
    bounds.set("empty", has(1));
    for (name, inclusive, endless) in [("lower", 2, 8), ("upper", 4, 16)] {
        let bound = match has(1) || has(endless) {
            true => Value::Null,
            false => match reader.field()? {
                Some(raw) => value(inner, raw, depth + 1)?,
                None => Value::Null,
            },
        };
        bounds.set(name, bound);
        bounds.set(format!("{name}_inclusive").as_str(), has(inclusive));
    }
    Ok(Value::Dict(bounds))
}

/// Family (2 or 3), bits of the network, whether it is one, length, address.
fn address(reader: &mut Reader<'_>) -> Result<String, String> {
    let (family, bits, is_network, length) = (reader.u8()?, reader.u8()?, reader.u8()?, reader.u8()?);
    let raw = reader.take(usize::from(length))?;
    let (text, all) = match family {
        2 => (
            <[u8; 4]>::try_from(raw).map(|raw| Ipv4Addr::from(raw).to_string()),
            32,
        ),
        _ => (
            <[u8; 16]>::try_from(raw).map(|raw| Ipv6Addr::from(raw).to_string()),
            128,
        ),
    };
    let text = text.map_err(|_| "an address has no length of one".to_owned())?;
    Ok(match is_network != 0 || bits != all {
        true => format!("{text}/{bits}"),
        false => text,
    })
}

/// Number of bits, then bytes.
fn bits(reader: &mut Reader<'_>) -> Result<String, String> {
    let count = reader.u32()? as usize;
    let raw = reader.take(reader.left())?;
    let all = raw
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1));
    Ok(all.take(count).map(|bit| if bit { '1' } else { '0' }).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_an_error(raw in prop::collection::vec(any::<u8>(), 0..64)) {
            for id in (16..4600).filter_map(Type::from_oid) {
                let _ = value(&id, &raw, 0);
            }
        }
    }

    #[test]
    fn what_an_array_says_is_not_believed() {
        let mut raw = vec![0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 23];
        raw.extend([0xff; 16]);
        assert!(value(&Type::INT4_ARRAY, &raw, 0).is_err());
        raw.truncate(12);
        raw.extend([0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1]);
        assert!(value(&Type::INT4_ARRAY, &raw, 0).is_ok());
    }
}
