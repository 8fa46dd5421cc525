//! One remembered process, and the storage of slots.

use crate::images::Images;
use crate::key::Key;
use crate::{Id, Pid, Span, Start, Time};
use std::ops::{Index, IndexMut};

/// Index of a slot. Valid while the record exists; every stored handle is removed with its record.
pub(crate) type Handle = u32;

/// No record.
pub(crate) const NONE: Handle = Handle::MAX;

#[derive(Debug, Clone)]
pub(crate) enum Parent {
    /// No parent is known.
    None,
    /// A parent was named, but no such process is known for that time.
    Orphan(Box<Pid>),
    /// The parent is in the store.
    Known(Handle),
    /// The parent was in the store once.
    Evicted(Box<Id>),
}

impl Parent {
    /// The pid of a parent that is not in the store.
    pub(crate) fn missing(&self) -> Option<&Pid> {
        match self {
            Parent::Orphan(pid) => Some(pid),
            Parent::Evicted(id) => Some(&id.pid),
            Parent::None | Parent::Known(_) => None,
        }
    }

    /// Whether this record may be the missing parent: by its pid and, for a parent that was known, by its
    /// start.
    pub(crate) fn may_be<D>(&self, slot: &Slot<D>) -> bool {
        let is_start_near = match self {
            Parent::Evicted(id) => match id.start {
                Start::Second(second, _) if second > 0 => slot.start.seconds().abs_diff(second) <= 1,
                _ => true,
            },
            _ => true,
        };
        is_start_near && self.missing() == Some(&slot.id.pid)
    }
}

/// When a process ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct End {
    pub(crate) at: Time,
    /// True if reported by an event; otherwise it was inferred, and `at` is the latest possible time.
    pub(crate) is_exact: bool,
    has_status: bool,
    status: i64,
}

impl End {
    pub(crate) fn new(at: Time, is_exact: bool, status: Option<i64>) -> End {
        End {
            at,
            is_exact,
            has_status: status.is_some(),
            status: status.unwrap_or(0),
        }
    }

    pub(crate) fn exact(at: Time, status: Option<i64>) -> End {
        End::new(at, true, status)
    }

    pub(crate) fn inferred(at: Time) -> End {
        End::new(at, false, None)
    }

    pub(crate) fn status(self) -> Option<i64> {
        self.has_status.then_some(self.status)
    }
}

/// The parts of a record that are not in the journal yet.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) enum Dirty {
    Clean,
    /// Only the end changed.
    End,
    All,
}

/// The order of eviction: class, then time.
pub(crate) type Rank = (u8, Time);

#[derive(Debug)]
pub(crate) struct Slot<D> {
    /// Never reused: identifies the record in the journal.
    pub(crate) uid: u64,
    pub(crate) id: Id,
    /// Start time; the time of the earliest trace if the start is unknown.
    pub(crate) start: Time,
    pub(crate) is_start_known: bool,
    /// How far `start` may be off.
    pub(crate) precision: Span,
    /// `start` may be that of an execution: the process started then or earlier.
    pub(crate) may_be_older: bool,
    /// The parent came from an event, which names the creator; a list may name the adopter.
    pub(crate) has_event_parent: bool,
    pub(crate) end: Option<End>,
    /// The last full list that showed it; [`Time::MIN`] if none did.
    pub(crate) last_sync: Time,
    /// Latest time when the process is known to have been alive.
    pub(crate) last_seen: Time,
    pub(crate) parent: Parent,
    pub(crate) images: Images<D>,
    pub(crate) first_child: Handle,
    pub(crate) previous_sibling: Handle,
    pub(crate) next_sibling: Handle,
    /// The [`Rank`] it is queued with.
    pub(crate) rank_class: u8,
    pub(crate) rank_time: Time,
    pub(crate) dirty: Dirty,
}

/// Ten thousand of them are kept, so every field counts.
const _: () = assert!(size_of::<Option<Slot<()>>>() <= 168);

impl<D> Slot<D> {
    pub(crate) fn new(uid: u64, pid: Pid, start: Time, is_start_known: bool, precision: Span) -> Slot<D> {
        Slot {
            uid,
            id: Id {
                pid,
                start: Start::Second(0, 0),
            },
            start,
            is_start_known,
            precision,
            may_be_older: false,
            has_event_parent: false,
            end: None,
            last_sync: Time::MIN,
            last_seen: start,
            parent: Parent::None,
            images: Images::None,
            first_child: NONE,
            previous_sibling: NONE,
            next_sibling: NONE,
            rank_class: 0,
            rank_time: Time::MIN,
            dirty: Dirty::Clean,
        }
    }

    /// Exits of processes that were never seen are remembered, because the start may still arrive, but not
    /// shown.
    pub(crate) fn is_visible(&self) -> bool {
        self.is_start_known || !self.images.is_empty() || self.first_child != NONE
    }

    /// True if still alive, or if it ended after `time`.
    pub(crate) fn is_alive_after(&self, time: Time) -> bool {
        self.end.is_none_or(|end| end.at > time)
    }

    /// Its entry in the queue of records to be evicted.
    pub(crate) fn queue_key(&self, handle: Handle) -> Key {
        Key::new(u32::from(self.rank_class), self.rank_time, handle)
    }

    /// Leaves before inner nodes, exited before living ones, oldest first.
    pub(crate) fn wanted_rank(&self) -> Rank {
        let is_inner = u8::from(self.first_child != NONE);
        match self.end {
            Some(end) => (is_inner, end.at),
            None => (2 + is_inner, self.start),
        }
    }
}

/// Slots by handle, with reuse of freed places.
#[derive(Debug)]
pub(crate) struct Slab<D> {
    slots: Vec<Option<Slot<D>>>,
    free: Vec<Handle>,
}

impl<D> Slab<D> {
    pub(crate) fn new() -> Slab<D> {
        Slab {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, slot: Slot<D>) -> Handle {
        if let Some(handle) = self.free.pop() {
            self.slots[handle as usize] = Some(slot);
            return handle;
        }
        self.slots.push(Some(slot));
        (self.slots.len() - 1) as Handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<Slot<D>> {
        let slot = self.slots.get_mut(handle as usize)?.take()?;
        self.free.push(handle);
        Some(slot)
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<&Slot<D>> {
        self.slots.get(handle as usize)?.as_ref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &Slot<D>)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(i, slot)| Some((i as Handle, slot.as_ref()?)))
    }
}

impl<D> Index<Handle> for Slab<D> {
    type Output = Slot<D>;

    fn index(&self, handle: Handle) -> &Slot<D> {
        self.slots[handle as usize]
            .as_ref()
            .expect("handles are removed together with their record")
    }
}

impl<D> IndexMut<Handle> for Slab<D> {
    fn index_mut(&mut self, handle: Handle) -> &mut Slot<D> {
        self.slots[handle as usize]
            .as_mut()
            .expect("handles are removed together with their record")
    }
}
