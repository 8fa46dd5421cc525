//! Key lists of objects parsed before: objects with the same keys share one.
//!
//! The lines of a log mostly have the same keys in the same order. With a guess, the parser compares names
//! instead of allocating them, and later code sees one list instead of a new one for each row. The lists are
//! kept per thread, because a function that parses a line for each row has no other place for them.

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::value::{Columns, Str, Value};

/// Places in a text with separate guesses.
const PLACES: usize = 64;
/// Maximum number of lists kept; with more, the thread starts over.
const MAX_LISTS: usize = 64;
/// Names of a list that is kept, and bytes of each.
const MAX_NAMES: usize = 128;
const MAX_NAME: usize = 128;

thread_local! {
    static KEPT: Cell<Option<Box<Shapes>>> = const { Cell::new(None) };
}

/// Key lists a thread has seen.
pub(super) struct Shapes {
    /// The list of the last object at each place.
    guesses: [Option<Arc<Columns>>; PLACES],
    /// Lists by the hash of their names.
    lists: FxHashMap<u64, Arc<Columns>>,
}

/// Runs `work` with this thread's key lists.
pub(super) fn with_shapes<T>(work: impl FnOnce(&mut Shapes) -> T) -> T {
    // Not available while the thread is ending.
    let kept = KEPT.try_with(Cell::take).ok().flatten();
    let mut shapes = kept.unwrap_or_else(|| {
        Box::new(Shapes {
            guesses: [const { None }; PLACES],
            lists: FxHashMap::default(),
        })
    });
    let result = work(&mut shapes);
    let _ = KEPT.try_with(|place| place.set(Some(shapes)));
    result
}

/// The place of the member at a position of the object at `place`.
pub(super) fn member_place(place: usize, position: usize) -> usize {
    place.wrapping_mul(31).wrapping_add(position + 1) % PLACES
}

impl Shapes {
    /// Takes the guess of the keys of an object at this place.
    #[inline]
    pub(super) fn take_guess(&mut self, place: usize) -> Option<Arc<Columns>> {
        self.guesses.get_mut(place)?.take()
    }

    /// Guesses that the next object at this place has these keys. None of them contains a character that JSON
    /// escapes.
    #[inline]
    pub(super) fn guess(&mut self, place: usize, columns: &Arc<Columns>) {
        if let Some(guess) = self.guesses.get_mut(place) {
            *guess = Some(Arc::clone(columns));
        }
    }

    /// The list of these keys, shared by every later object with the same ones. Of repeated keys the last
    /// counts.
    pub(super) fn list(&mut self, place: usize, names: Vec<Str>, values: &mut Vec<Value>) -> Arc<Columns> {
        let is_small = names.len() <= MAX_NAMES && names.iter().all(|name| name.len() <= MAX_NAME);
        if !is_small {
            return distinct(names, values);
        }
        let mut hasher = FxHasher::default();
        names.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.lists.get(&hash).filter(|list| list.names() == names);
        let list = match known {
            Some(list) => Arc::clone(list),
            None => {
                let count = names.len();
                let list = distinct(names, values);
                if list.len() < count {
                    return list;
                }
                if self.lists.len() >= MAX_LISTS {
                    self.lists.clear();
                }
                self.lists.insert(hash, Arc::clone(&list));
                list
            }
        };
        let is_escaped = |name: &Str| memchr::memchr2(b'"', b'\\', name).is_some();
        if !list.names().iter().any(is_escaped) {
            self.guess(place, &list);
        }
        list
    }
}

/// The list of distinct names; a repeated name stands where it came last, with its last value.
fn distinct(names: Vec<Str>, values: &mut Vec<Value>) -> Arc<Columns> {
    let names = match Columns::of_distinct(names) {
        Ok(columns) => return columns,
        Err(names) => names,
    };
    let mut seen = FxHashSet::default();
    let mut entries: Vec<(&Str, Value)> = names
        .iter()
        .zip(values.drain(..))
        .rev()
        .filter(|(name, _)| seen.insert(*name))
        .collect();
    entries.reverse();
    let (names, kept): (Vec<Str>, Vec<Value>) = entries
        .into_iter()
        .map(|(name, value)| (name.clone(), value))
        .unzip();
    *values = kept;
    Columns::new(names)
}
