//! The records and their indexes; each step keeps all indexes consistent.

use crate::images::{Image, Images};
use crate::key::Key;
use crate::payload::Payload;
use crate::slot::{Dirty, End, Handle, NONE, Parent, Slab, Slot};
use crate::stats::Counters;
use crate::updates::Change;
use crate::{Config, Id, Pid, Span, Start, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longest walk towards the root before a link is refused; real chains are much shorter.
const MAX_ANCESTORS: usize = 1000;

/// Memory of an index entry: a B-tree is about two thirds full.
const INDEX_ENTRY: usize = size_of::<Key>() * 3 / 2;

/// Memory of a record without its images: the slot and its index entries.
fn slot_size<D>() -> usize {
    size_of::<Option<Slot<D>>>() + 2 * INDEX_ENTRY
}

pub(crate) struct Store<D> {
    pub(crate) config: Config,
    pub(crate) slab: Slab<D>,
    /// Every incarnation of every pid, by start.
    pub(crate) by_pid: BTreeSet<Key>,
    /// Children whose parent is unknown or forgotten, by the parent's pid and their own start.
    orphans: BTreeSet<Key>,
    /// All records, the next one to be evicted first.
    pub(crate) queue: BTreeSet<Key>,
    pub(crate) next_uid: u64,
    /// Coarsest start time seen: how far to search around a start time.
    max_precision: Span,
    pub(crate) last_full_sync: Option<Time>,
    /// The latest start of a forgotten process.
    pub(crate) forgotten_until: Option<Time>,
    pub(crate) counters: Counters,
    pub(crate) lost: BTreeMap<String, u64>,
    /// Records that are not in the journal yet, if there is one.
    pub(crate) dirty: Option<Vec<Handle>>,
    pub(crate) removed: Vec<u64>,
    /// Too much has changed since the last write: the journal needs the whole state.
    pub(crate) is_overflowed: bool,
    /// Changes to send to subscribers, if there are any.
    pub(crate) changes: Option<Vec<(Change, Handle)>>,
}

impl<D: Payload> Store<D> {
    pub(crate) fn new(config: Config) -> Store<D> {
        Store {
            config,
            slab: Slab::new(),
            by_pid: BTreeSet::new(),
            orphans: BTreeSet::new(),
            queue: BTreeSet::new(),
            next_uid: 0,
            max_precision: Span::ZERO,
            last_full_sync: None,
            forgotten_until: None,
            counters: Counters::default(),
            lost: BTreeMap::new(),
            dirty: None,
            removed: Vec::new(),
            is_overflowed: false,
            changes: None,
        }
    }

    /// Incarnations of `pid` that started in the given span of time, oldest first.
    pub(crate) fn incarnations(
        &self,
        pid: &Pid,
        from: Time,
        to: Time,
    ) -> impl DoubleEndedIterator<Item = (Handle, &Slot<D>)> {
        let low = Key::of_pid(pid, from.min(to), 0);
        let high = Key::of_pid(pid, to, NONE);
        self.by_pid
            .range(low..=high)
            .map(|key| (key.handle(), &self.slab[key.handle()]))
            .filter(move |(_, slot)| slot.id.pid == *pid)
    }

    /// The newest incarnation that started at `at` or before.
    pub(crate) fn latest(&self, pid: &Pid, at: Time) -> Option<Handle> {
        self.incarnations(pid, Time::MIN, at)
            .next_back()
            .map(|(handle, _)| handle)
    }

    /// The first incarnation that started after `at`.
    pub(crate) fn next_after(&self, pid: &Pid, at: Time) -> Option<Handle> {
        let after = at.plus(Span::from_nanos(1));
        self.incarnations(pid, after, Time::MAX)
            .next()
            .map(|(handle, _)| handle)
    }

    /// How far around a start time of this precision other records may be meant.
    pub(crate) fn reach(&self, precision: Span) -> Span {
        precision.max(self.max_precision)
    }

    /// Adds a record. The incarnations around it determine when it ended, and the one before it must have
    /// ended by now.
    pub(crate) fn create(&mut self, pid: &Pid, start: Time, is_known: bool, precision: Span) -> Handle {
        self.create_ended(pid, start, is_known, precision, None)
    }

    /// Adds a record whose end may already be known (so that it adopts no children born later).
    pub(crate) fn create_ended(
        &mut self,
        pid: &Pid,
        start: Time,
        is_known: bool,
        precision: Span,
        end: Option<End>,
    ) -> Handle {
        let before = self.latest(pid, start);
        let after = self.next_after(pid, start).map(|h| self.slab[h].start);
        let mut slot = Slot::new(self.next_uid, pid.clone(), start, is_known, precision);
        slot.end = end;
        self.next_uid = self.next_uid.saturating_add(1);
        let handle = self.insert(slot);
        self.assign_id(handle);

        if let Some(before) = before {
            self.succeed(before, handle);
        }
        if self.slab[handle].end.is_none() {
            let settled = start.plus(precision).plus(self.config.clock_skew);
            let absent = self.last_full_sync.filter(|sync| settled < *sync);
            self.slab[handle].end = after.or(absent).map(End::inferred);
        }
        self.adopt_orphans(handle);
        self.changed(handle, Dirty::All);
        handle
    }

    /// Adds a finished slot to all indexes except the family.
    pub(crate) fn insert(&mut self, mut slot: Slot<D>) -> Handle {
        self.max_precision = self.max_precision.max(slot.precision);
        (slot.rank_class, slot.rank_time) = slot.wanted_rank();
        slot.dirty = Dirty::Clean;
        self.counters.bytes += slot_size::<D>() as u64;
        self.counters.bytes += slot.images.iter().map(image_size).sum::<u64>();
        let handle = self.slab.insert(slot);
        let slot = &self.slab[handle];
        self.by_pid.insert(Key::of_pid(&slot.id.pid, slot.start, handle));
        self.queue.insert(slot.queue_key(handle));
        handle
    }

    /// Gives the record the id for its start time.
    pub(crate) fn assign_id(&mut self, handle: Handle) {
        let slot = &self.slab[handle];
        let second = if slot.is_start_known {
            slot.start.seconds().max(0)
        } else {
            0
        };
        let around = self.reach(slot.precision).max(Span::from_seconds(1));
        let (from, to) = match slot.is_start_known {
            true => (slot.start.minus(around), slot.start.plus(around)),
            false => (Time::MIN, Time::MAX),
        };
        let serial = self
            .incarnations(&slot.id.pid, from, to)
            .filter(|(other, _)| *other != handle)
            .filter_map(|(_, other)| match other.id.start {
                Start::Second(theirs, serial) if theirs == second => Some(serial.saturating_add(1)),
                _ => None,
            })
            .max()
            .unwrap_or(0);
        self.slab[handle].id.start = Start::Second(second, serial);
    }

    /// Everything known about the earlier owner of a pid from the start of the later one on belongs to the
    /// later one.
    pub(crate) fn succeed(&mut self, earlier: Handle, later: Handle) {
        let boundary = self.slab[later].start;
        let mut is_changed = false;
        if self.slab[earlier].is_alive_after(boundary) {
            let end = self.slab[earlier].end.replace(End::inferred(boundary));
            self.slab[later].end = self.slab[later].end.or(end);
            is_changed = true;
        }
        // Including one that a late list has ended: it may have had children after that list.
        let kept = self.slab[earlier]
            .images
            .iter()
            .filter(|image| image.at < boundary)
            .count();
        if kept < self.slab[earlier].images.len() {
            let moved = self.slab[earlier].images.edit(|images| images.split_off(kept));
            let bytes: u64 = moved.iter().map(image_size).sum();
            self.counters.bytes = self.counters.bytes.saturating_sub(bytes);
            for image in moved {
                self.add_image(later, image);
            }
            is_changed = true;
        }
        for child in self.children(earlier) {
            if self.slab[child].start >= boundary && child != later {
                self.link(child, later);
                is_changed = true;
            }
        }
        if is_changed {
            self.changed(earlier, Dirty::All);
            self.changed(later, Dirty::All);
        }
    }

    /// Moves the start of a record.
    pub(crate) fn move_start(&mut self, handle: Handle, start: Time) {
        let slot = &mut self.slab[handle];
        let old = std::mem::replace(&mut slot.start, start);
        slot.last_seen = slot.last_seen.max(start);
        if let Some(parent) = slot.parent.missing() {
            self.orphans.remove(&Key::of_pid(parent, old, handle));
            self.orphans.insert(Key::of_pid(parent, start, handle));
        }
        self.by_pid.remove(&Key::of_pid(&slot.id.pid, old, handle));
        self.by_pid.insert(Key::of_pid(&slot.id.pid, start, handle));
        self.adopt_orphans(handle);
        self.changed(handle, Dirty::All);
    }

    /// Records that the process ran `image`; keeps the list ordered, short, and without repetitions.
    pub(crate) fn add_image(&mut self, handle: Handle, image: Image<D>) {
        let slot = &mut self.slab[handle];
        slot.last_seen = slot.last_seen.max(image.at);
        let before: u64 = slot.images.iter().map(image_size).sum::<u64>();
        let most = self.config.max_images.max(1);
        match slot.images {
            Images::None => slot.images = Images::One(image),
            _ => slot.images.edit(|images| add_sorted(images, image, most)),
        }
        let after: u64 = slot.images.iter().map(image_size).sum::<u64>();
        self.counters.bytes = (self.counters.bytes + after).saturating_sub(before);
    }

    // The family.

    /// Handles of the children, newest link first.
    pub(crate) fn children(&self, parent: Handle) -> Vec<Handle> {
        let mut children = Vec::new();
        let mut next = self.slab[parent].first_child;
        while next != NONE {
            children.push(next);
            next = self.slab[next].next_sibling;
        }
        children
    }

    /// Sets the parent of a record by pid.
    pub(crate) fn set_parent(&mut self, child: Handle, parent: &Pid) {
        let slot = &self.slab[child];
        match self.parent_at(parent, slot.start, slot.precision) {
            Some(found) if self.may_link(child, found) => self.link(child, found),
            _ => {
                self.miss_parent(child, Parent::Orphan(Box::new(parent.clone())));
            }
        }
        self.changed(child, Dirty::All);
    }

    /// Makes the record a child of a missing process, until that arrives (again).
    pub(crate) fn miss_parent(&mut self, child: Handle, parent: Parent) {
        self.unlink(child);
        let slot = &mut self.slab[child];
        if let Some(pid) = parent.missing() {
            self.orphans.insert(Key::of_pid(pid, slot.start, child));
        }
        slot.parent = parent;
    }

    /// The incarnation of `pid` that can have created a process at that time.
    pub(crate) fn parent_at(&self, pid: &Pid, start: Time, precision: Span) -> Option<Handle> {
        let latest = start.plus(self.reach(precision));
        for (handle, slot) in self.incarnations(pid, Time::MIN, latest).rev() {
            let slack = precision.max(slot.precision);
            let is_gone = slot.end.is_some_and(|end| end.at.plus(slack) < start);
            if slot.start <= start.plus(slack) && !is_gone {
                return Some(handle);
            }
            if slot.start <= start {
                return None;
            }
        }
        None
    }

    /// Links must not form a cycle, so that every walk to the root ends.
    pub(crate) fn may_link(&self, child: Handle, parent: Handle) -> bool {
        if child == parent {
            return false;
        }
        if self.slab[child].first_child == NONE {
            return true;
        }
        let mut at = parent;
        for _ in 0..MAX_ANCESTORS {
            match self.slab[at].parent {
                Parent::Known(next) if next == child => return false,
                Parent::Known(next) => at = next,
                _ => return true,
            }
        }
        false
    }

    /// Makes `child` a child of `parent`; the caller has checked [`Store::may_link`].
    pub(crate) fn link(&mut self, child: Handle, parent: Handle) {
        self.unlink(child);
        let first = std::mem::replace(&mut self.slab[parent].first_child, child);
        if first != NONE {
            self.slab[first].previous_sibling = child;
        }
        let slot = &mut self.slab[child];
        slot.next_sibling = first;
        slot.parent = Parent::Known(parent);
        self.mark(child, Dirty::All);
        self.rank(parent);
    }

    /// Detaches a record from its parent, known or named.
    fn unlink(&mut self, child: Handle) {
        let slot = &mut self.slab[child];
        let start = slot.start;
        let previous = std::mem::replace(&mut slot.previous_sibling, NONE);
        let next = std::mem::replace(&mut slot.next_sibling, NONE);
        let parent = std::mem::replace(&mut slot.parent, Parent::None);
        if let Some(pid) = parent.missing() {
            self.orphans.remove(&Key::of_pid(pid, start, child));
        }
        match parent {
            Parent::Known(parent) => {
                if next != NONE {
                    self.slab[next].previous_sibling = previous;
                }
                match previous {
                    NONE => self.slab[parent].first_child = next,
                    _ => self.slab[previous].next_sibling = next,
                }
                self.rank(parent);
            }
            Parent::None | Parent::Orphan(_) | Parent::Evicted(_) => {}
        }
    }

    /// Links children that arrived before their parent, or that stayed when it was forgotten.
    pub(crate) fn adopt_orphans(&mut self, parent: Handle) {
        let slot = &self.slab[parent];
        let pid = slot.id.pid.clone();
        let reach = self.reach(slot.precision);
        let from = Key::of_pid(&pid, slot.start.minus(reach), 0);
        let last = slot.end.map_or(Time::MAX, |end| end.at.plus(reach));
        let to = Key::of_pid(&pid, last, NONE);
        if self.orphans.is_empty() || from > to {
            return;
        }
        let waiting: Vec<Handle> = self
            .orphans
            .range(from..=to)
            .map(|key| key.handle())
            .filter(|child| self.slab[*child].parent.may_be(slot))
            .collect();
        for child in waiting {
            let slot = &self.slab[child];
            let found = self.parent_at(&pid, slot.start, slot.precision);
            if found == Some(parent) && self.may_link(child, parent) {
                self.link(child, parent);
            }
        }
    }

    // Bookkeeping.

    /// Updates rank and journal after a change.
    pub(crate) fn changed(&mut self, handle: Handle, dirty: Dirty) {
        self.rank(handle);
        self.mark(handle, dirty);
    }

    fn rank(&mut self, handle: Handle) {
        let slot = &mut self.slab[handle];
        let wanted = slot.wanted_rank();
        if wanted != (slot.rank_class, slot.rank_time) {
            self.queue.remove(&slot.queue_key(handle));
            (slot.rank_class, slot.rank_time) = wanted;
            self.queue.insert(slot.queue_key(handle));
        }
    }

    fn mark(&mut self, handle: Handle, dirty: Dirty) {
        let Some(list) = self
            .dirty
            .as_mut()
            .filter(|_| dirty != Dirty::Clean && !self.is_overflowed)
        else {
            return;
        };
        let slot = &mut self.slab[handle];
        if slot.dirty == Dirty::Clean {
            list.push(handle);
        }
        if slot.dirty < dirty {
            slot.dirty = dirty;
        }
        if list.len() + self.removed.len() > self.config.max_pending {
            self.is_overflowed = true;
            list.clear();
            self.removed.clear();
        }
    }

    /// Tells subscribers, if there are any.
    pub(crate) fn announce(&mut self, change: Change, handle: Handle) {
        if self.slab[handle].is_visible()
            && let Some(changes) = &mut self.changes
        {
            changes.push((change, handle));
        }
    }

    // Eviction.

    /// Forgets records that are too old or too many.
    pub(crate) fn trim(&mut self, now: Time) {
        let horizon = now.minus(self.config.max_expiry);
        while let Some(next) = self.queue.first().copied()
            && next.first() == 0
            && next.time() < horizon
        {
            self.remove(next.handle());
            self.counters.expired += 1;
        }
        while self.is_too_much()
            && let Some(next) = self.queue.first().copied()
        {
            self.remove(next.handle());
            self.counters.evictions += 1;
        }
    }

    fn is_too_much(&self) -> bool {
        let most = self.config.max_size.max(1);
        let most_bytes = (most as u64).saturating_mul(self.config.max_record_bytes);
        self.slab.len() > most || (self.counters.bytes > most_bytes && self.slab.len() > 1)
    }

    fn remove(&mut self, handle: Handle) {
        for child in self.children(handle) {
            // A fork shows its parent's program, which it must not lose together with the parent.
            let start = self.slab[child].start;
            if self.slab[child].images.is_empty()
                && let Some(data) = self.data_at(handle, start).cloned()
            {
                self.add_image(
                    child,
                    Image {
                        at: start,
                        is_exact: false,
                        data,
                    },
                );
            }
            let id = self.slab[handle].id.clone();
            self.miss_parent(child, Parent::Evicted(Box::new(id)));
            self.changed(child, Dirty::All);
        }
        self.unlink(handle);
        self.queue.remove(&self.slab[handle].queue_key(handle));
        if let Some(slot) = self.slab.remove(handle) {
            self.forgotten_until = self.forgotten_until.max(Some(slot.start));
            let images: u64 = slot.images.iter().map(image_size).sum();
            self.counters.bytes = self
                .counters
                .bytes
                .saturating_sub(slot_size::<D>() as u64 + images);
            self.by_pid.remove(&Key::of_pid(&slot.id.pid, slot.start, handle));
            if self.dirty.is_some() && !self.is_overflowed {
                self.removed.push(slot.uid);
            }
        }
    }

    /// The program of the process at that time: its own, or its parent's until it executed one.
    pub(crate) fn data_at(&self, handle: Handle, at: Time) -> Option<&Arc<D>> {
        let (mut handle, mut at) = (handle, at);
        for _ in 0..MAX_ANCESTORS {
            let slot = &self.slab[handle];
            let running = slot.images.partition_point(|image| image.at <= at);
            if let Some(image) = running.checked_sub(1).and_then(|i| slot.images.get(i)) {
                return Some(&image.data);
            }
            match (slot.images.first(), &slot.parent) {
                (Some(first), _) if !first.is_exact => return Some(&first.data),
                (_, Parent::Known(parent)) => (handle, at) = (*parent, slot.start),
                _ => return None,
            }
        }
        None
    }

    /// The id of the parent; `<pid>-?` if it was never seen.
    pub(crate) fn parent_id(&self, handle: Handle) -> Option<Id> {
        match &self.slab[handle].parent {
            Parent::None => None,
            Parent::Orphan(pid) => Some(Id::unseen(pid.as_ref().clone())),
            Parent::Known(parent) => Some(self.slab[*parent].id.clone()),
            Parent::Evicted(id) => Some(id.as_ref().clone()),
        }
    }
}

/// The first image is stored in the slot, but the count need not be that exact.
fn image_size<D: Payload>(image: &Image<D>) -> u64 {
    (size_of::<Image<D>>() + image.data.size()) as u64
}

/// Inserts an image at the place for its time; if the list grows too long, the oldest are dropped.
fn add_sorted<D: Payload>(images: &mut Vec<Image<D>>, image: Image<D>, most: usize) {
    let place = images.partition_point(|other| other.at < image.at);
    match images.get_mut(place) {
        Some(same) if same.at == image.at && (image.is_exact || !same.is_exact) => *same = image,
        Some(same) if same.at == image.at => {}
        _ => images.insert(place, image),
    }
    // A program merely seen running is the one that an earlier event or list reported.
    images.dedup_by(|later, earlier| {
        let is_repeated = !later.is_exact && earlier.data.is_same_image(&later.data);
        if is_repeated {
            earlier.data = later.data.clone();
        }
        is_repeated
    });
    let surplus = images.len().saturating_sub(most);
    images.drain(..surplus);
}
