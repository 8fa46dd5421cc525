//! `Row`: one row of a query.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Columns, Dict, Str, Value};
use crate::scope::Scope;

/// One row: named values, or any other value (array, scalar, NULL) used as a row.
#[derive(Debug, Clone)]
pub struct Row(Repr);

#[derive(Debug, Clone)]
enum Repr {
    /// The very common row of one column needs no allocation.
    One(Names, Value),
    /// A value for each column; after them may come an object that responds to more names.
    Many(Names, Vec<Value>),
    Value(Value),
}

/// The column list of a row. A plugin's list lives as long as the program: sharing it touches no counter,
/// which would be most of the cost of a short row.
#[derive(Debug, Clone)]
enum Names {
    Fixed(&'static Arc<Columns>),
    Shared(Arc<Columns>),
}

impl Deref for Names {
    type Target = Arc<Columns>;

    #[inline]
    fn deref(&self) -> &Arc<Columns> {
        match self {
            Names::Fixed(columns) => columns,
            Names::Shared(columns) => columns,
        }
    }
}

impl Names {
    fn plain(self) -> Names {
        match &self {
            Names::Fixed(columns) => columns.shown().map(Names::Fixed),
            Names::Shared(columns) => columns.shown().cloned().map(Names::Shared),
        }
        .unwrap_or(self)
    }
}

/// The values of the columns, without the object after them.
#[inline]
fn shown<'v>(columns: &Columns, values: &'v [Value]) -> &'v [Value] {
    values.get(..columns.len()).unwrap_or(values)
}

impl Row {
    /// A row of these columns; missing values are NULL, extra ones are dropped.
    #[must_use]
    pub fn new(columns: &Arc<Columns>, mut values: Vec<Value>) -> Row {
        if values.len() != columns.len() {
            values.resize(columns.len(), Value::Null);
        }
        Row(Repr::Many(Names::Shared(Arc::clone(columns)), values))
    }

    /// For derives: a row of a plugin's columns, with as many values as columns.
    #[inline]
    #[must_use]
    pub fn fixed(columns: &'static Arc<Columns>, mut values: Vec<Value>) -> Row {
        if values.len() != columns.len() {
            values.resize(columns.len(), Value::Null);
        }
        Row(Repr::Many(Names::Fixed(columns), values))
    }

    /// For derives: a row of a plugin's columns, with a value for each, followed by the object that responds
    /// to the members its column list names.
    #[inline]
    #[must_use]
    pub fn fixed_over(columns: &'static Arc<Columns>, mut values: Vec<Value>) -> Row {
        if values.len() != columns.len() + 1 {
            values.resize(columns.len() + 1, Value::Null);
        }
        Row(Repr::Many(Names::Fixed(columns), values))
    }

    /// For derives: a row of a plugin's only column.
    #[inline]
    #[must_use]
    pub fn fixed_single(columns: &'static Arc<Columns>, value: Value) -> Row {
        Row(Repr::One(Names::Fixed(columns), value))
    }

    /// A row of one column. `columns` holds exactly one name.
    #[must_use]
    pub fn single(columns: &Arc<Columns>, value: Value) -> Row {
        if columns.len() == 1 {
            Row(Repr::One(Names::Shared(Arc::clone(columns)), value))
        } else {
            Row::new(columns, vec![value])
        }
    }

    /// A row of these pairs.
    pub fn from_pairs<K: Into<Str>, V: Into<Value>>(pairs: impl IntoIterator<Item = (K, V)>) -> Row {
        Dict::from_pairs(pairs).into_row()
    }

    /// The value of a column, or of a key for a row that is a dict.
    pub fn get(&self, name: impl AsRef<[u8]>) -> Option<Value> {
        match &self.0 {
            Repr::One(columns, value) => columns.answer_position(name.as_ref()).map(|_| value.clone()),
            Repr::Many(columns, values) => values.get(columns.answer_position(name.as_ref())?).cloned(),
            Repr::Value(Value::Dict(dict)) => dict.get(name),
            Repr::Value(_) => None,
        }
    }

    /// The names of the columns; none for a row that is not a map.
    #[must_use]
    pub fn columns(&self) -> Arc<Columns> {
        match &self.0 {
            Repr::One(columns, _) | Repr::Many(columns, _) => Arc::clone(columns),
            Repr::Value(Value::Dict(dict)) => dict.columns(),
            Repr::Value(_) => Arc::new(Columns::empty()),
        }
    }

    /// The values in column order; none for a row that is not a map.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        match &self.0 {
            Repr::One(_, value) => vec![value.clone()],
            Repr::Many(columns, values) => shown(columns, values).to_vec(),
            Repr::Value(Value::Dict(dict)) => dict.values(),
            Repr::Value(_) => Vec::new(),
        }
    }

    /// The columns with their values, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<(Str, Value)> {
        match &self.0 {
            Repr::One(columns, value) => columns
                .names()
                .iter()
                .cloned()
                .zip(std::iter::once(value.clone()))
                .collect(),
            Repr::Many(columns, values) => columns
                .names()
                .iter()
                .cloned()
                .zip(values.iter().cloned())
                .collect(),
            Repr::Value(Value::Dict(dict)) => dict.entries(),
            Repr::Value(_) => Vec::new(),
        }
    }

    /// The row as a dict.
    #[must_use]
    pub fn to_dict(&self) -> Dict {
        match &self.0 {
            Repr::One(columns, value) => Dict::from_columns(Arc::clone(columns), vec![value.clone()]),
            Repr::Many(columns, values) => Dict::from_columns(Arc::clone(columns), values.clone()),
            Repr::Value(Value::Dict(dict)) => dict.clone(),
            Repr::Value(_) => Dict::new(),
        }
    }

    /// The row as a value: a dict, or the value used as the row.
    #[must_use]
    pub fn into_value(self) -> Value {
        match self.0 {
            Repr::Value(value) => value,
            Repr::One(columns, value) => Value::Dict(Dict::from_columns(Arc::clone(&columns), vec![value])),
            // Cuts off the object after the columns.
            Repr::Many(columns, values) => Value::Dict(Dict::from_columns(Arc::clone(&columns), values)),
        }
    }

    /// The value used as the row, unless the row has columns.
    #[must_use]
    pub fn as_value(&self) -> Option<&Value> {
        match &self.0 {
            Repr::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The only value of a row with exactly one column.
    #[must_use]
    pub fn sole_value(&self) -> Option<Value> {
        match &self.0 {
            Repr::One(_, value) => Some(value.clone()),
            Repr::Many(columns, values) => match shown(columns, values) {
                [value] => Some(value.clone()),
                _ => None,
            },
            Repr::Value(Value::Dict(dict)) => match dict.values().as_slice() {
                [value] => Some(value.clone()),
                _ => None,
            },
            Repr::Value(_) => None,
        }
    }

    /// The columns and their values; `None` for a row that is another value.
    #[inline]
    pub(crate) fn slots(&self) -> Option<(&Arc<Columns>, &[Value])> {
        match &self.0 {
            Repr::One(columns, value) => Some((columns, std::slice::from_ref(value))),
            Repr::Many(columns, values) => Some((columns, shown(columns, values))),
            Repr::Value(_) => None,
        }
    }

    /// The value of this name from the object behind the row, if there is one.
    pub(crate) fn behind(&self, scope: &Scope, name: &[u8]) -> Option<Value> {
        match &self.0 {
            Repr::Many(columns, values) if columns.is_member(name) => {
                values.get(columns.len())?.member(scope, name)
            }
            _ => None,
        }
    }

    /// The row as a dict with an entry for every name it responds to: for lookups that come later, when the
    /// object behind the row is gone.
    pub(crate) fn unfolded(&self, scope: &Scope) -> Value {
        let columns = match &self.0 {
            Repr::Many(columns, _) if columns.shown().is_some() => columns,
            _ => return self.clone().into_value(),
        };
        let dict = Dict::from_pairs(self.entries());
        for name in columns.unshown() {
            if columns.position(name.as_bytes()).is_none()
                && let Some(value) = self.get(name).or_else(|| self.behind(scope, name.as_bytes()))
            {
                dict.set(name, value);
            }
        }
        Value::Dict(dict)
    }

    /// True when asking it for an unknown name logs no message.
    pub(crate) fn is_silent(&self) -> bool {
        match &self.0 {
            Repr::One(columns, _) | Repr::Many(columns, _) => columns.is_silent(),
            Repr::Value(Value::Object(object)) => object.is_silent(),
            Repr::Value(_) => false,
        }
    }

    /// The row as `*` passes it on: it responds only to the names it shows.
    #[inline]
    pub(crate) fn plain(self) -> Row {
        match self.0 {
            Repr::One(names, value) if names.shown().is_some() => Row(Repr::One(names.plain(), value)),
            Repr::Many(names, mut values) if names.shown().is_some() => {
                values.truncate(names.len());
                Row(Repr::Many(names.plain(), values))
            }
            other => Row(other),
        }
    }

    /// A placeholder for a row that was taken away.
    pub(crate) fn gone() -> Row {
        Row(Repr::Value(Value::Null))
    }

    /// The value of a column, whose position is remembered in `cache`. Only for rows with columns.
    #[inline]
    pub(crate) fn resolve(&self, name: &[u8], cache: &PositionCache) -> Option<&Value> {
        match &self.0 {
            Repr::One(columns, value) => cache.position(columns, name).map(|_| value),
            Repr::Many(columns, values) => values.get(cache.position(columns, name)?),
            Repr::Value(_) => None,
        }
    }
}

impl From<Dict> for Row {
    fn from(dict: Dict) -> Row {
        Row(Repr::Value(Value::Dict(dict)))
    }
}

impl From<Value> for Row {
    fn from(value: Value) -> Row {
        Row(Repr::Value(value))
    }
}

/// Remembers, per call site, the position of a name in the column list last seen there.
#[derive(Debug, Default)]
pub(crate) struct PositionCache(AtomicU64);

/// Stored position of a name that the list lacks.
const ABSENT: u32 = u32::MAX;

impl PositionCache {
    #[inline]
    pub(crate) fn position(&self, columns: &Columns, name: &[u8]) -> Option<usize> {
        let packed = self.0.load(Ordering::Relaxed);
        if (packed >> 32) as u32 == columns.id() && columns.id() != 0 {
            let position = packed as u32;
            return (position != ABSENT).then_some(position as usize);
        }
        let found = columns.answer_position(name);
        let position = found.map_or(ABSENT, |position| position as u32);
        self.0.store(
            u64::from(columns.id()) << 32 | u64::from(position),
            Ordering::Relaxed,
        );
        found
    }
}
