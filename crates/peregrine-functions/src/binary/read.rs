//! Reads values of every kind at an offset.

use std::sync::Arc;

use peregrine_engine::prelude::{Scope, Time, Value};

use super::array::{Array, ArrayState};
use super::kind::Kind;
use super::session::Session;
use super::structure::{Cells, Structure};
use super::var_int::VarInt;

/// A read value as it is remembered: without a reference to its parent, which would make a cycle that is
/// never freed.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    /// A value, and its size in bytes.
    Value(Value, u64),
    Struct {
        index: usize,
        offset: u64,
        cells: Arc<Cells>,
    },
    Array(Arc<ArrayState>),
}

impl Stored {
    pub(super) const NULL: Stored = Stored::Value(Value::Null, 0);

    /// The value as the language sees it.
    pub(super) fn to_value(&self, session: &Arc<Session>, within: Option<&Structure>) -> Value {
        match self {
            Stored::Value(value, _) => value.clone(),
            Stored::Struct { index, offset, cells } => {
                match Structure::nested(session, *index, *offset, within, Arc::clone(cells)) {
                    Some(structure) => structure.to_value(),
                    None => Value::Null,
                }
            }
            Stored::Array(state) => match within {
                Some(within) => Value::object(Array::new(Arc::clone(state), within.clone())),
                None => Value::Null,
            },
        }
    }

    /// Its size in bytes.
    pub(super) fn size(&self, kind: &Kind, scope: &Scope, within: &Structure) -> u64 {
        if let Some(size) = kind.fixed_size(&within.session().profile) {
            return size;
        }
        match self {
            Stored::Value(_, size) => *size,
            Stored::Struct { index, offset, cells } => {
                let session = within.session();
                let structure = Structure::nested(session, *index, *offset, Some(within), Arc::clone(cells));
                structure.map_or(0, |structure| structure.size(scope))
            }
            Stored::Array(state) => state.size(scope, within),
        }
    }
}

/// Reads a value of this kind. Lambdas receive the structure `this`.
pub(super) fn read(kind: &Kind, offset: u64, this: &Structure, scope: &Scope) -> Stored {
    let session = this.session();
    if !session.charge(scope, 1) {
        return Stored::NULL;
    }
    match kind {
        Kind::Integer {
            bytes,
            is_signed,
            is_big,
        } => Stored::Value(
            integer(session, offset, *bytes, *is_signed, *is_big),
            u64::from(*bytes),
        ),
        Kind::Float { is_big } => {
            let mut bytes = [0; 8];
            session.data.read_at(offset, &mut bytes);
            let value = if *is_big {
                f64::from_be_bytes(bytes)
            } else {
                f64::from_le_bytes(bytes)
            };
            Stored::Value(Value::from(value), 8)
        }
        Kind::VarInt { is_signed } => {
            let number = VarInt::read(&session.data, offset, *is_signed);
            let size = number.size;
            Stored::Value(Value::object(number), size)
        }
        Kind::Text(text) => {
            let (value, size) = text.read(session, offset, this, scope);
            Stored::Value(value, size)
        }
        Kind::Array(array) => {
            let count = session.number(scope, &array.count, this).unwrap_or(0);
            Stored::Array(Arc::new(ArrayState::new(Arc::clone(array), offset, count)))
        }
        Kind::Constant(value) => Stored::Value(value.clone(), 0),
        Kind::Computed(expr) => Stored::Value(session.evaluate(scope, expr, this.to_value(), this), 0),
        Kind::Enumeration { of, names } => {
            let (number, size) = inner(of, offset, this, scope);
            let name = number.map(|number| match names.get(&number) {
                Some(name) => Value::Str(name.clone()),
                None => Value::from(format!("{number:#x}")),
            });
            Stored::Value(Value::from(name), size)
        }
        Kind::Flags { of, bits } => {
            let (number, size) = inner(of, offset, this, scope);
            let number = number.unwrap_or(0) as u64;
            let set = bits
                .iter()
                .filter(|(_, bit)| number >> bit & 1 == 1)
                .map(|(name, _)| Value::Str(name.clone()));
            Stored::Value(set.collect(), size)
        }
        Kind::Bits { of, start, end } => {
            let (number, size) = inner(of, offset, this, scope);
            let mask = u64::MAX.checked_shr(64 - end.saturating_sub(*start)).unwrap_or(0);
            let shifted = (number.unwrap_or(0) as u64).checked_shr(*start).unwrap_or(0);
            Stored::Value(Value::from((shifted & mask) as i64), size)
        }
        Kind::Timestamp { of, factor } => {
            let (number, size) = inner(of, offset, this, scope);
            let nanos = number.map(|number| i128::from(number) * 1_000_000_000 / i128::from(*factor));
            Stored::Value(
                Value::from(nanos.map(Time::from_unix_nanos).filter(is_shown)),
                size,
            )
        }
        Kind::WinFileTime { of, factor } => {
            let (number, size) = inner(of, offset, this, scope);
            let time =
                number.map(|number| Time::from_win_filetime(number as u64 / factor.unsigned_abs().max(1)));
            Stored::Value(Value::from(time.filter(is_shown)), size)
        }
        Kind::FatTime => Stored::Value(Value::from(fat_time(session, offset)), 4),
        Kind::Union {
            selector,
            choices,
            default,
        } => {
            let selected = session
                .evaluate(scope, selector, this.to_value(), this)
                .to_text(scope);
            match choices.get(&selected).or(default.as_deref()) {
                Some(chosen) => read(chosen, offset, this, scope),
                None => Stored::NULL,
            }
        }
        Kind::Pointer { of } => {
            let mut bytes = [0; 8];
            session.data.read_at(offset, &mut bytes);
            read(of, u64::from_le_bytes(bytes), this, scope)
        }
        Kind::At { of, offset } => {
            let target = session.evaluate(scope, offset, this.to_value(), this).as_i64();
            match target.and_then(|target| u64::try_from(target).ok()) {
                Some(target) => read(of, target, this, scope),
                None => Stored::NULL,
            }
        }
        Kind::Struct(index) => Stored::Struct {
            index: *index,
            offset,
            cells: Arc::default(),
        },
    }
}

/// Beyond the end of the data are zeros.
fn integer(session: &Session, offset: u64, size: u8, is_signed: bool, is_big: bool) -> Value {
    let mut bytes = [0; 8];
    let used = bytes.get_mut(..usize::from(size)).unwrap_or_default();
    session.data.read_at(offset, used);
    if is_big {
        used.reverse();
    }
    let number = u64::from_le_bytes(bytes);
    let unused = 64 - 8 * u32::from(size);
    if is_signed {
        return Value::from(((number << unused) as i64) >> unused);
    }
    Value::from(number)
}

/// The number that another kind consists of, and its size.
fn inner(of: &Kind, offset: u64, this: &Structure, scope: &Scope) -> (Option<i64>, u64) {
    match read(of, offset, this, scope) {
        Stored::Value(value, size) => (value.as_i64(), size),
        other => (None, other.size(of, scope, this)),
    }
}

/// True for the years 1 to 9999, which can be written as times.
fn is_shown(time: &Time) -> bool {
    (-62_135_596_800..253_402_300_800).contains(&time.unix())
}

/// A date in the low word and a time of day in the high one, with a precision of two seconds.
fn fat_time(session: &Session, offset: u64) -> Option<Time> {
    let mut bytes = [0; 4];
    session.data.read_at(offset, &mut bytes);
    let number = u32::from_le_bytes(bytes);
    let bits = |start: u32, count: u32| (number >> start) & ((1 << count) - 1);
    let (day, month, year) = (bits(0, 5), bits(5, 4), 1980 + bits(9, 7));
    let (second, minute, hour) = (2 * bits(16, 5), bits(21, 6), bits(27, 5));
    peregrine_engine::time::parse_rfc3339(&format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
    ))
}
