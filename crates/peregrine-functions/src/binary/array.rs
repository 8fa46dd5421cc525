//! Arrays as objects.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use peregrine_engine::prelude::{Object, Scope, Str, Value};

use super::kind::ArrayKind;
use super::read::{Stored, read};
use super::session::thread_number;
use super::structure::Structure;
use super::var_int::VarInt;

/// An array at an offset.
#[derive(Debug)]
pub(super) struct ArrayState {
    kind: Arc<ArrayKind>,
    start: u64,
    count: u64,
    walked: OnceLock<Walked>,
    /// The thread that is walking over the elements.
    running: AtomicU64,
}

/// Elements whose offsets are known only by reading them.
#[derive(Debug, Default)]
struct Walked {
    elements: Vec<Stored>,
    end: u64,
}

impl ArrayState {
    pub(super) fn new(kind: Arc<ArrayKind>, start: u64, count: i64) -> ArrayState {
        let count = u64::try_from(count.min(kind.max_count)).unwrap_or(0);
        ArrayState {
            kind,
            start,
            count,
            walked: OnceLock::new(),
            running: AtomicU64::new(0),
        }
    }

    /// The size of an element, if all elements have the same size and none is skipped.
    fn step(&self, within: &Structure) -> Option<u64> {
        let size = self.kind.of.fixed_size(&within.session().profile);
        size.filter(|size| *size > 0 && self.kind.sentinel.is_none())
    }

    /// The size of all elements in bytes.
    pub(super) fn size(&self, scope: &Scope, within: &Structure) -> u64 {
        match self.step(within) {
            Some(step) => step.saturating_mul(self.count),
            None => self
                .walk(scope, within)
                .map_or(0, |walked| walked.end.saturating_sub(self.start)),
        }
    }

    /// Walks over the elements, once; `None` when an element asks for this during the walk.
    fn walk(&self, scope: &Scope, within: &Structure) -> Option<&Walked> {
        if let Some(walked) = self.walked.get() {
            return Some(walked);
        }
        let thread = thread_number();
        if self.running.swap(thread, Ordering::AcqRel) == thread {
            scope.log_line(
                "ERROR:parse_binary: an element of an array needs the whole array, which is empty there",
            );
            return None;
        }
        let mut walked = Walked {
            elements: Vec::new(),
            end: self.start,
        };
        for _ in 0..self.count {
            // Reading a structure costs nothing yet, so the element is charged here.
            if !within.session().charge(scope, 8) {
                break;
            }
            let element = read(&self.kind.of, walked.end, within, scope);
            if let Some(sentinel) = &self.kind.sentinel {
                let value = element.to_value(within.session(), Some(within));
                if within
                    .session()
                    .evaluate(scope, sentinel, value, within)
                    .truth(scope)
                {
                    break;
                }
            }
            let size = element.size(&self.kind.of, scope, within);
            let Some(end) = walked.end.checked_add(size).filter(|_| size > 0) else {
                break;
            };
            walked.elements.push(element);
            walked.end = end;
        }
        self.running.store(0, Ordering::Release);
        Some(self.walked.get_or_init(|| walked))
    }
}

/// An array and the structure that contains it.
#[derive(Debug)]
pub(super) struct Array {
    state: Arc<ArrayState>,
    within: Structure,
}

impl Array {
    pub(super) fn new(state: Arc<ArrayState>, within: Structure) -> Array {
        Array { state, within }
    }

    fn length(&self, scope: &Scope) -> u64 {
        match self.state.step(&self.within) {
            Some(_) => self.state.count,
            None => self
                .state
                .walk(scope, &self.within)
                .map_or(0, |walked| walked.elements.len() as u64),
        }
    }

    fn element(&self, scope: &Scope, position: u64) -> Option<Value> {
        let session = self.within.session();
        let stored = match self.state.step(&self.within) {
            Some(step) => {
                let offset = self.state.start.checked_add(step.checked_mul(position)?)?;
                (position < self.state.count)
                    .then(|| read(&self.state.kind.of, offset, &self.within, scope))?
            }
            None => {
                let walked = self.state.walk(scope, &self.within)?;
                walked.elements.get(usize::try_from(position).ok()?)?.clone()
            }
        };
        Some(stored.to_value(session, Some(&self.within)))
    }

    fn list(&self, scope: &Scope) -> Vec<Value> {
        let mut values = Vec::new();
        for position in 0..self.length(scope) {
            // About as much again as the element itself, for the memory it takes.
            if !self.within.session().charge(scope, 7) {
                break;
            }
            values.extend(self.element(scope, position));
        }
        values
    }

    /// The elements, with numbers of variable length as plain numbers.
    fn contents(&self, scope: &Scope) -> Vec<Value> {
        let plain = |value: Value| value.as_object::<VarInt>().map_or(value.clone(), VarInt::plain);
        self.list(scope).into_iter().map(plain).collect()
    }
}

impl Object for Array {
    fn type_name(&self) -> &'static str {
        "*vtypes.ArrayObject"
    }

    fn member(&self, scope: &Scope, name: &str) -> Option<Value> {
        let start = self.state.start;
        Some(match name {
            "Size" | "SizeOf" => Value::from(self.state.size(scope, &self.within)),
            "Start" | "StartOf" | "OffsetOf" => Value::from(start),
            "End" | "EndOf" => Value::from(start.saturating_add(self.state.size(scope, &self.within))),
            "Value" => Value::array(self.list(scope)),
            "ContentsOf" => Value::array(self.contents(scope)),
            _ => Value::array(self.list(scope)).member(scope, name.as_bytes())?,
        })
    }

    fn member_names(&self) -> Vec<Str> {
        Vec::new()
    }

    fn to_json(&self, scope: &Scope) -> Option<Value> {
        Some(Value::array(self.list(scope)))
    }

    fn index(&self, scope: &Scope, index: i64) -> Option<Value> {
        let position = if index < 0 {
            index.checked_add_unsigned(self.length(scope))?
        } else {
            index
        };
        self.element(scope, u64::try_from(position).ok()?)
    }

    fn elements(&self, scope: &Scope) -> Option<Vec<Value>> {
        Some(self.contents(scope))
    }

    fn truth(&self) -> bool {
        self.state.count > 0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
