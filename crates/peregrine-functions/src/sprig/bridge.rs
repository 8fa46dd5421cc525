//! Converts values of the language to values of templates, and back. In templates, a byte that is not UTF-8
//! is a character of a private plane.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gotmpl::{Result, TemplateError, Value as Shown};
use parking_lot::Mutex;
use peregrine_engine::value::{as_characters, from_characters};

use crate::prelude::*;

/// Maximum length of a template string in bytes.
pub(crate) const MAX_TEXT: usize = 16 << 20;
/// Maximum number of items in a template list.
pub(crate) const MAX_ITEMS: usize = 1_000_000;
/// Maximum bytes that all functions of one run may produce together.
const MAX_PRODUCED: u64 = 512 << 20;
/// Maximum number of values passed to a template, including their members.
const MAX_VALUES: usize = 1_000_000;
/// Nesting beyond which values are cut off.
const MAX_DEPTH: u32 = 64;

/// What the functions of one run share. Clones share it too.
#[derive(Clone)]
pub(crate) struct Bridge(Arc<Inner>);

struct Inner {
    scope: Scope,
    /// The original values of maps and strings, by address; the shown copy keeps the address in use.
    origins: Mutex<HashMap<usize, (Shown, Value)>>,
    produced: AtomicU64,
}

impl Bridge {
    pub(crate) fn new(scope: &Scope) -> Bridge {
        Bridge(Arc::new(Inner {
            scope: scope.clone(),
            origins: Mutex::default(),
            produced: AtomicU64::new(0),
        }))
    }

    pub(crate) fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Binds a function to this run, and counts its results.
    pub(crate) fn bind(
        &self,
        function: super::TemplateFunction,
    ) -> impl Fn(&[Shown]) -> Result<Shown> + Send + Sync + use<> {
        let bridge = self.clone();
        move |args| {
            bridge
                .scope()
                .checkpoint()
                .map_err(|Stop| fail("the query ends"))?;
            let result = function(&bridge, args)?;
            bridge.count(&result)?;
            Ok(result)
        }
    }

    fn count(&self, result: &Shown) -> Result<()> {
        let size = |value: &Shown| match value {
            Shown::String(text) => text.len() + 16,
            Shown::List(items) => items.len() * 32,
            Shown::Map(map) => map.len() * 64,
            _ => 0,
        };
        let bytes = match result {
            Shown::List(items) => size(result) + items.iter().map(size).sum::<usize>(),
            Shown::Map(map) => size(result) + map.values().map(size).sum::<usize>(),
            other => size(other),
        };
        if size(result) > MAX_TEXT.max(MAX_ITEMS * 32) {
            return Err(fail("a value of the template grows too large"));
        }
        let before = self.0.produced.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) > MAX_PRODUCED {
            return Err(fail("the functions of the template produce too much"));
        }
        Ok(())
    }

    /// A value as a template sees it. Dicts, times, paths and objects keep their original for `Get`, `str`
    /// and similar functions.
    pub(crate) fn show(&self, value: &Value) -> Result<Shown> {
        let mut left = MAX_VALUES;
        self.show_nested(value, 0, &mut left)
    }

    fn show_nested(&self, value: &Value, depth: u32, left: &mut usize) -> Result<Shown> {
        *left = left
            .checked_sub(1)
            .ok_or_else(|| fail("the template is given too many values"))?;
        if depth > MAX_DEPTH {
            return Ok(Shown::Nil);
        }
        let scope = self.scope();
        Ok(match value {
            Value::Null => Shown::Nil,
            Value::Bool(value) => Shown::Bool(*value),
            Value::Int(value) => Shown::Int(*value),
            Value::UInt(value) => Shown::Uint(*value),
            Value::Float(value) => Shown::Float(*value),
            Value::Str(text) => match text.as_utf8() {
                Some(text) => string(text),
                None => self.remember(string(as_characters(text)), value)?,
            },
            Value::Bytes(bytes) => self.remember(string(as_characters(bytes)), value)?,
            Value::Time(_) => self.remember(string(value.to_text(scope).to_string()), value)?,
            Value::Array(items) => {
                let shown: Result<Vec<Shown>> = items
                    .iter()
                    .map(|item| self.show_nested(item, depth + 1, left))
                    .collect();
                Shown::List(shown?.into())
            }
            Value::Dict(dict) => {
                let mut map = BTreeMap::new();
                for (key, item) in dict.entries() {
                    map.insert(
                        Arc::from(&*as_characters(&key)),
                        self.show_nested(&item, depth + 1, left)?,
                    );
                }
                self.remember(Shown::Map(Arc::new(map)), value)?
            }
            Value::Query(query) => Shown::List(self.show_rows(query, depth, left)?.into()),
            Value::Scope(_) => self.remember(Shown::Map(Arc::default()), value)?,
            Value::Object(object) => match object.to_text() {
                Some(text) => self.remember(string(as_characters(&text)), value)?,
                None => {
                    let mut map = BTreeMap::new();
                    for name in object.member_names() {
                        let member = value.member(scope, &name).unwrap_or_default().reduce(scope);
                        map.insert(
                            Arc::from(&*as_characters(&name)),
                            self.show_nested(&member, depth + 1, left)?,
                        );
                    }
                    self.remember(Shown::Map(Arc::new(map)), value)?
                }
            },
            Value::Lazy(lazy) => self.show_nested(&lazy.force(scope), depth + 1, left)?,
        })
    }

    fn show_rows(&self, query: &Query, depth: u32, left: &mut usize) -> Result<Vec<Shown>> {
        let mut rows = Vec::new();
        let mut problem = None;
        let _ = query.run(
            self.scope(),
            &mut FnSink(
                |row: Row| match self.show_nested(&row.into_value(), depth + 1, left) {
                    Ok(row) => {
                        rows.push(row);
                        self.scope().checkpoint()
                    }
                    Err(error) => {
                        problem = Some(error);
                        Err(Stop)
                    }
                },
            ),
        );
        problem.map_or(Ok(rows), Err)
    }

    /// Remembers the original of a shown value.
    fn remember(&self, shown: Shown, value: &Value) -> Result<Shown> {
        if let Some(address) = address(&shown) {
            let mut origins = self.0.origins.lock();
            if origins.len() >= MAX_VALUES {
                return Err(fail("the template makes too many values"));
            }
            origins.insert(address, (shown.clone(), value.clone()));
        }
        Ok(shown)
    }

    /// Converts a template value to a value of the language.
    pub(crate) fn value(&self, shown: &Shown) -> Value {
        self.value_nested(shown, 0)
    }

    fn value_nested(&self, shown: &Shown, depth: u32) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(address) = address(shown)
            && let Some((_, value)) = self.0.origins.lock().get(&address)
        {
            return value.clone();
        }
        match shown {
            Shown::Nil | Shown::Function(_) => Value::Null,
            Shown::Bool(value) => Value::Bool(*value),
            Shown::Int(value) => Value::Int(*value),
            Shown::Uint(value) => Value::from(*value),
            Shown::Float(value) => Value::Float(*value),
            Shown::String(text) => Value::Str(from_characters(text)),
            Shown::Safe { s, .. } => Value::Str(from_characters(s)),
            Shown::List(items) => items
                .iter()
                .map(|item| self.value_nested(item, depth + 1))
                .collect(),
            Shown::Map(map) => Value::Dict(
                map.iter()
                    .map(|(key, item)| (from_characters(key), self.value_nested(item, depth + 1)))
                    .collect(),
            ),
        }
    }
}

/// The address of the shared part of a value; the empty string has none.
fn address(shown: &Shown) -> Option<usize> {
    match shown {
        Shown::Map(map) => Some(Arc::as_ptr(map) as usize),
        Shown::String(text) if !text.is_empty() => Some(Arc::as_ptr(text).cast::<u8>() as usize),
        _ => None,
    }
}

/// An error of a function.
pub(crate) fn fail(message: impl Into<String>) -> TemplateError {
    TemplateError::Exec(message.into())
}

/// A string of a template.
pub(crate) fn string(text: impl AsRef<str>) -> Shown {
    Shown::String(Arc::from(text.as_ref()))
}
