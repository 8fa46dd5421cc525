//! Structures as objects.

use std::any::Any;
use std::sync::Arc;

use parking_lot::Mutex;
use peregrine_engine::prelude::{Dict, Object, Scope, Str, Value};

use super::kind::{FieldDef, Number, StructDef};
use super::read::{Stored, read};
use super::session::{Session, thread_number};

/// Maximum nesting of structures.
const MAX_DEPTH: u32 = 64;

/// A structure at an offset. Clones refer to the same one.
#[derive(Debug, Clone)]
pub(crate) struct Structure(Arc<Node>);

#[derive(Debug)]
struct Node {
    session: Arc<Session>,
    index: usize,
    offset: u64,
    parent: Option<Structure>,
    depth: u32,
    cells: Arc<Cells>,
}

/// The fields read so far, except plain numbers.
#[derive(Debug, Default)]
pub(super) struct Cells(Mutex<Vec<(usize, Cell)>>);

#[derive(Debug, Clone)]
enum Cell {
    /// A thread is reading it.
    Running(u64),
    /// Its offset and its content.
    Done(u64, Stored),
}

impl Structure {
    /// The structure of this name at an offset; an error when the profile does not define it.
    pub(crate) fn root(session: Arc<Session>, name: &str, offset: u64) -> Result<Structure, String> {
        let Some(index) = session.profile.names.get(name).copied() else {
            return Err(format!("the profile has no structure `{name}`"));
        };
        let node = Node {
            session,
            index,
            offset,
            parent: None,
            depth: 0,
            cells: Arc::default(),
        };
        Ok(Structure(Arc::new(node)))
    }

    /// A structure within another; `None` when they are nested too deeply.
    pub(super) fn nested(
        session: &Arc<Session>,
        index: usize,
        offset: u64,
        parent: Option<&Structure>,
        cells: Arc<Cells>,
    ) -> Option<Structure> {
        let depth = parent.map_or(0, |parent| parent.0.depth + 1);
        (depth <= MAX_DEPTH).then(|| {
            let session = Arc::clone(session);
            Structure(Arc::new(Node {
                session,
                index,
                offset,
                parent: parent.cloned(),
                depth,
                cells,
            }))
        })
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.0.session
    }

    pub(crate) fn to_value(&self) -> Value {
        Value::object(self.clone())
    }

    fn def(&self) -> Option<&StructDef> {
        self.0.session.profile.structs.get(self.0.index)
    }

    /// A field's offset and content; `None` when it has no offset, or depends on itself.
    fn field(&self, scope: &Scope, position: usize) -> Option<(u64, Stored)> {
        let field = self.def()?.fields.get(position)?;
        if field.is_plain {
            return self.read_field(scope, field);
        }
        let thread = thread_number();
        {
            let mut cells = self.0.cells.0.lock();
            match cells.iter().find(|(known, _)| *known == position) {
                Some((_, Cell::Done(offset, stored))) => return Some((*offset, stored.clone())),
                Some((_, Cell::Running(other))) if *other == thread => {
                    drop(cells);
                    self.log_needs_itself(scope, field);
                    return None;
                }
                // Another thread is reading it; reading it twice does no harm.
                Some(_) => {}
                None => cells.push((position, Cell::Running(thread))),
            }
        }
        let found = self.read_field(scope, field);
        let mut cells = self.0.cells.0.lock();
        let at = cells.iter().position(|(known, _)| *known == position);
        match (at, &found) {
            (Some(at), Some((offset, stored))) => cells[at].1 = Cell::Done(*offset, stored.clone()),
            (Some(at), None) => {
                cells.swap_remove(at);
            }
            (None, _) => {}
        }
        found
    }

    fn read_field(&self, scope: &Scope, field: &FieldDef) -> Option<(u64, Stored)> {
        let relative = self.0.session.number(scope, &field.offset, self)?;
        let offset = self.0.offset.checked_add_signed(relative)?;
        Some((offset, read(&field.kind, offset, self, scope)))
    }

    fn log_needs_itself(&self, scope: &Scope, field: &FieldDef) {
        use std::sync::atomic::{AtomicBool, Ordering};
        let name = self.def().map(|def| def.name.clone()).unwrap_or_default();
        let logged = scope.cache(&format!("parse_binary {name}.{}", field.name), || {
            AtomicBool::new(false)
        });
        if !logged.swap(true, Ordering::Relaxed) {
            scope.log_line(&format!(
                "ERROR:parse_binary: {name}.{} needs itself, and is NULL there",
                field.name
            ));
        }
    }

    /// Its size: given, computed, or up to the end of the last field.
    pub(super) fn size(&self, scope: &Scope) -> u64 {
        let Some(def) = self.def() else { return 0 };
        let given = match &def.size {
            Number::Fixed(0) => None,
            other => self.0.session.number(scope, other, self),
        };
        if let Some(size) = given {
            return u64::try_from(size).unwrap_or(0);
        }
        let ends = (0..def.fields.len()).filter_map(|position| {
            let (offset, stored) = self.field(scope, position)?;
            let size = stored.size(&def.fields[position].kind, scope, self);
            offset.saturating_add(size).checked_sub(self.0.offset)
        });
        ends.max().unwrap_or(0)
    }

    fn reference(&self, scope: &Scope, name: &str) -> Option<Value> {
        let def = self.def()?;
        let position = *def.positions.get(name)?;
        let (offset, stored) = self.field(scope, position)?;
        let size = stored.size(&def.fields[position].kind, scope, self);
        let end = offset.saturating_add(size);
        let value = stored.to_value(&self.0.session, Some(self));
        Some(Value::object(FieldReference {
            base: self.0.offset,
            offset,
            size,
            end,
            value,
        }))
    }

    /// The fields that are shown.
    fn shown(&self) -> impl Iterator<Item = (usize, &FieldDef)> {
        let fields = self.def().map(|def| def.fields.as_slice()).unwrap_or_default();
        fields
            .iter()
            .enumerate()
            .filter(|(_, field)| !field.name.starts_with(b"__"))
    }
}

impl Object for Structure {
    fn type_name(&self) -> &'static str {
        "*vtypes.StructObject"
    }

    fn member(&self, scope: &Scope, name: &str) -> Option<Value> {
        if let Some(position) = self.def()?.positions.get(name) {
            let found = self.field(scope, *position);
            return Some(found.map_or(Value::Null, |(_, stored)| {
                stored.to_value(&self.0.session, Some(self))
            }));
        }
        if let Some(field) = name.strip_prefix('@') {
            return self.reference(scope, field);
        }
        Some(match name {
            "Size" | "SizeOf" => Value::from(self.size(scope)),
            "Start" | "StartOf" | "OffsetOf" => Value::from(self.0.offset),
            "End" | "EndOf" => Value::from(self.0.offset.saturating_add(self.size(scope))),
            "Parent" | "ParentOf" => Value::from(self.0.parent.as_ref().map(Structure::to_value)),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        self.shown().map(|(_, field)| field.name.clone()).collect()
    }

    fn to_json(&self, scope: &Scope) -> Option<Value> {
        let dict = Dict::new();
        for (position, field) in self.shown() {
            // Writing takes time and memory, too.
            if !self.0.session.charge(scope, 8) {
                break;
            }
            let found = self.field(scope, position);
            let value = found.map_or(Value::Null, |(_, stored)| {
                stored.to_value(&self.0.session, Some(self))
            });
            dict.set(field.name.clone(), value);
        }
        Some(Value::Dict(dict))
    }

    fn truth(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `` x.`@Field` ``: the position of a field.
#[derive(Debug)]
struct FieldReference {
    base: u64,
    offset: u64,
    size: u64,
    end: u64,
    value: Value,
}

impl Object for FieldReference {
    fn type_name(&self) -> &'static str {
        "*vtypes.FieldReference"
    }

    fn member(&self, _: &Scope, name: &str) -> Option<Value> {
        let relative = |offset: u64| Value::from(offset.wrapping_sub(self.base) as i64);
        Some(match name {
            "Size" | "SizeOf" => Value::from(self.size),
            "Start" | "StartOf" | "OffsetOf" => Value::from(self.offset),
            "End" | "EndOf" => Value::from(self.end),
            "RelOffset" => relative(self.offset),
            "RelEndOf" => relative(self.end),
            "Value" => self.value.clone(),
            _ => return None,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        ["SizeOf", "StartOf", "EndOf", "RelOffset", "RelEndOf", "Value"]
            .map(Str::from)
            .to_vec()
    }

    fn truth(&self) -> bool {
        true
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
