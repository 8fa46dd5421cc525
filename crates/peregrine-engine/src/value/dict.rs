//! `Dict`: an ordered map shared by reference.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

use super::{Columns, Row, Str, Value};

/// An ordered map from names to values. A clone is another reference to the same map.
#[derive(Clone)]
pub struct Dict(Arc<RwLock<Entries>>);

struct Entries {
    columns: Arc<Columns>,
    values: Vec<Value>,
    lookup: Lookup,
}

/// How keys of a dict are found.
#[derive(Clone, Default)]
pub(crate) struct Lookup {
    pub(crate) ignores_case: bool,
    /// Keys are also found by the CamelCase spelling of message fields.
    pub(crate) has_field_names: bool,
    /// The value of an absent name.
    pub(crate) default: Option<Value>,
}

impl Lookup {
    /// True for the rules of most dicts.
    pub(crate) fn is_plain(&self) -> bool {
        !self.ignores_case && !self.has_field_names && self.default.is_none()
    }
}

impl Dict {
    /// An empty dict.
    #[must_use]
    pub fn new() -> Dict {
        Dict::from_columns(empty_columns(), Vec::new())
    }

    /// Lets its keys be found regardless of case from now on. If keys differ only in case, an exact match
    /// wins.
    #[must_use]
    pub fn ignoring_case(self) -> Dict {
        self.0.write().lookup.ignores_case = true;
        self
    }

    /// Lets its keys also be found by the other spelling of message fields: `build_time` as `BuildTime`. This
    /// includes all dicts within it.
    #[must_use]
    pub fn with_field_names(self) -> Dict {
        let mut dicts = vec![self.clone()];
        while let Some(dict) = dicts.pop() {
            let mut state = dict.0.write();
            if std::mem::replace(&mut state.lookup.has_field_names, true) {
                continue;
            }
            dicts.extend(state.values.iter().filter_map(Value::as_dict).cloned());
        }
        self
    }

    /// Sets the value of absent names in this dict.
    #[must_use]
    pub fn with_default(self, default: Value) -> Dict {
        self.0.write().lookup.default = Some(default);
        self
    }

    /// A dict of these pairs; a repeated key moves to the end with its last value.
    pub fn from_pairs<K: Into<Str>, V: Into<Value>>(pairs: impl IntoIterator<Item = (K, V)>) -> Dict {
        let pairs = pairs.into_iter().map(|(key, value)| (key.into(), value.into()));
        let (names, values): (Vec<Str>, Vec<Value>) = pairs.unzip();
        match Columns::of_distinct(names) {
            Ok(columns) => Dict::from_columns(columns, values),
            Err(names) => {
                let dict = Dict::new();
                for (key, value) in names.into_iter().zip(values) {
                    dict.set(key, value);
                }
                dict
            }
        }
    }

    /// A dict with a shared key list; missing values are NULL.
    #[must_use]
    pub fn from_columns(columns: Arc<Columns>, mut values: Vec<Value>) -> Dict {
        values.resize(columns.len(), Value::Null);
        Dict(Arc::new(RwLock::new(Entries {
            columns,
            values,
            lookup: Lookup::default(),
        })))
    }

    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        let state = self.0.read();
        let position = state.answer_position(key.as_ref())?;
        state.values.get(position).cloned()
    }

    /// The value of a key, else the dict's default.
    pub fn get_or_default(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        let state = self.0.read();
        match state.answer_position(key.as_ref()) {
            Some(position) => state.values.get(position).cloned(),
            None => state.lookup.default.clone(),
        }
    }

    /// Sets a key; setting it again moves it to the end.
    pub fn set(&self, key: impl Into<Str>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        let mut state = self.0.write();
        let replaced = match state.position(&key) {
            Some(position) if position + 1 == state.values.len() && !state.lookup.ignores_case => {
                Some(std::mem::replace(&mut state.values[position], value))
            }
            found => {
                let old = found.map(|position| {
                    Arc::make_mut(&mut state.columns).remove(position);
                    state.values.remove(position)
                });
                Arc::make_mut(&mut state.columns).push(key);
                state.values.push(value);
                old
            }
        };
        drop(state);
        // A replaced value may own this very dict, so it is dropped after the lock is released.
        drop(replaced);
    }

    /// Removes a key and returns its value.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        let mut state = self.0.write();
        let position = state.position(key.as_ref())?;
        Arc::make_mut(&mut state.columns).remove(position);
        Some(state.values.remove(position))
    }

    /// The keys in order.
    #[must_use]
    pub fn columns(&self) -> Arc<Columns> {
        Arc::clone(&self.0.read().columns)
    }

    /// The keys in order, owned.
    #[must_use]
    pub fn keys(&self) -> Vec<Str> {
        self.0.read().columns.names().to_vec()
    }

    /// The values in key order.
    #[must_use]
    pub fn values(&self) -> Vec<Value> {
        self.0.read().values.clone()
    }

    /// The keys with their values, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<(Str, Value)> {
        let state = self.0.read();
        state
            .columns
            .names()
            .iter()
            .cloned()
            .zip(state.values.iter().cloned())
            .collect()
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.read().values.len()
    }

    /// True when there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True when both are references to one map.
    #[must_use]
    pub fn is_same(&self, other: &Dict) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The address of the map, if there are other references to it.
    pub(crate) fn shared_place(&self) -> Option<usize> {
        (Arc::strong_count(&self.0) > 1).then(|| Arc::as_ptr(&self.0).addr())
    }

    /// A new map with the same entries and options.
    #[must_use]
    pub fn copy(&self) -> Dict {
        let state = self.0.read();
        Dict(Arc::new(RwLock::new(Entries {
            columns: Arc::clone(&state.columns),
            values: state.values.clone(),
            lookup: state.lookup.clone(),
        })))
    }

    /// The keys and their values, in order.
    pub(crate) fn parts(&self) -> (Arc<Columns>, Vec<Value>) {
        let state = self.0.read();
        (Arc::clone(&state.columns), state.values.clone())
    }

    /// Makes a row of its entries. A dict that others refer to, or that has special lookup rules, is itself
    /// the row.
    #[must_use]
    pub fn into_row(self) -> Row {
        let state = match Arc::try_unwrap(self.0) {
            Ok(state) => state.into_inner(),
            Err(shared) => return Row::from(Dict(shared)),
        };
        if !state.lookup.is_plain() {
            return Row::from(Dict(Arc::new(RwLock::new(state))));
        }
        Row::new(&state.columns, state.values)
    }

    /// Its lookup rules.
    pub(crate) fn lookup(&self) -> Lookup {
        self.0.read().lookup.clone()
    }

    /// Replaces its lookup rules.
    pub(crate) fn with_lookup(self, lookup: Lookup) -> Dict {
        self.0.write().lookup = lookup;
        self
    }

    /// Its entries as a row.
    #[must_use]
    pub fn to_row(&self) -> Row {
        let state = self.0.read();
        Row::new(&state.columns, state.values.clone())
    }
}

impl Entries {
    fn position(&self, key: &[u8]) -> Option<usize> {
        match self.columns.position(key) {
            None if self.lookup.ignores_case => self.columns.position_ignoring_case(key),
            found => found,
        }
    }

    /// The position of the value that a key refers to, possibly by another spelling.
    fn answer_position(&self, key: &[u8]) -> Option<usize> {
        let found = self.position(key).or_else(|| self.columns.alias_position(key));
        if found.is_none() && self.lookup.has_field_names {
            return self.columns.position_of_field(key);
        }
        found
    }
}

impl Default for Dict {
    fn default() -> Dict {
        Dict::new()
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only the keys: a dict may contain itself.
        f.debug_tuple("Dict").field(&self.columns().names()).finish()
    }
}

impl<K: Into<Str>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Dict {
        Dict::from_pairs(pairs)
    }
}

fn empty_columns() -> Arc<Columns> {
    static EMPTY: std::sync::OnceLock<Arc<Columns>> = std::sync::OnceLock::new();
    Arc::clone(EMPTY.get_or_init(|| Arc::new(Columns::empty())))
}
