//! Full lists of processes: those listed are alive, those missing have exited.

use crate::images::Image;
use crate::payload::Payload;
use crate::slot::{Dirty, End, Handle, Parent};
use crate::store::Store;
use crate::updates::Change;
use crate::{Pid, Row, Span, Time};
use rustc_hash::{FxHashMap, FxHashSet};

/// What a full list changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncReport {
    /// Processes in the list.
    pub rows: usize,
    /// Processes that had not been reported before.
    pub discovered: usize,
    /// Processes that had vanished without an exit event.
    pub vanished: usize,
}

impl<D: Payload> Store<D> {
    /// Applies a list whose creation began at `taken_at`.
    pub(crate) fn sync(
        &mut self,
        taken_at: Time,
        precision: Span,
        rows: impl IntoIterator<Item = Row<D>>,
    ) -> SyncReport {
        self.counters.syncs += 1;
        let is_first = self.last_full_sync.is_none();
        let mut report = SyncReport::default();
        let mut listed: FxHashMap<Pid, Handle> = FxHashMap::default();
        let mut present: FxHashSet<Handle> = FxHashSet::default();
        let mut to_link: Vec<(Handle, Pid)> = Vec::new();

        for row in rows {
            report.rows += 1;
            let (handle, is_new) = self.take_row(taken_at, precision, &row);
            if is_new {
                report.discovered += 1;
                if !is_first {
                    self.announce(Change::Start, handle);
                }
            }
            present.insert(handle);
            if row.end.is_none() || !listed.contains_key(&row.pid) {
                listed.insert(row.pid, handle);
            }
            if let Some(parent) = row.parent
                && matches!(self.slab[handle].parent, Parent::None | Parent::Orphan(_))
            {
                to_link.push((handle, parent));
            }
        }
        for (child, parent) in to_link {
            self.parent_from_list(child, &parent, listed.get(&parent).copied());
        }
        report.vanished = self.end_absent(taken_at, &present);
        self.last_full_sync = self.last_full_sync.max(Some(taken_at));
        report
    }

    fn take_row(&mut self, taken_at: Time, precision: Span, row: &Row<D>) -> (Handle, bool) {
        let start = row.start.filter(|start| *start > Time::from_nanos(0));
        let known = match start {
            Some(start) => self
                .find(&row.pid, start, precision)
                .filter(|handle| !self.is_disproved(*handle, start, precision, taken_at)),
            None => self
                .latest(&row.pid, taken_at)
                .filter(|h| self.slab[*h].is_alive_after(taken_at)),
        };
        let handle = match (known, start) {
            (Some(handle), Some(start)) => {
                self.learn_start(handle, start, precision);
                handle
            }
            (Some(handle), None) => handle,
            (None, Some(start)) => {
                let start = self.after_predecessor(&row.pid, start, precision);
                self.create(&row.pid, start, true, precision)
            }
            (None, None) => self.create(&row.pid, taken_at, false, Span::ZERO),
        };
        self.seen_alive(handle, taken_at, row.end);
        let images_before = self.slab[handle].images.len();
        if let Some(data) = &row.data {
            let image = Image {
                at: taken_at.max(self.slab[handle].start),
                is_exact: false,
                data: data.clone(),
            };
            self.add_image(handle, image);
        }
        // A row that only repeats what is known needs no journal entry.
        if known.is_none() || self.slab[handle].images.len() != images_before {
            self.changed(handle, Dirty::All);
        }
        (handle, known.is_none())
    }

    /// A list made clearly after the reported exit shows a process with a merely similar start: the pid was
    /// reused within the precision of the list. That is possible only if the former owner ended before the
    /// listed process started; otherwise the list shows the former owner itself, which has ended but has not
    /// been reaped by its parent.
    fn is_disproved(&self, handle: Handle, start: Time, precision: Span, taken_at: Time) -> bool {
        let slot = &self.slab[handle];
        let slack = precision.max(slot.precision);
        let is_certain = slack == Span::ZERO && slot.start == start;
        let settled = taken_at.minus(slack).minus(self.config.clock_skew);
        let could_follow = |end: Time| end <= start.plus(slack);
        !is_certain
            && slot
                .end
                .is_some_and(|end| end.is_exact && end.at < settled && could_follow(end.at))
    }

    /// A start rounded to whole seconds may lie before the exit of the pid's former owner; then that exit is
    /// the better estimate.
    fn after_predecessor(&self, pid: &Pid, start: Time, precision: Span) -> Time {
        let former = self
            .latest(pid, start.plus(precision))
            .and_then(|handle| self.slab[handle].end);
        match former {
            Some(end) if end.is_exact && end.at >= start && end.at <= start.plus(precision) => {
                end.at.plus(Span::from_nanos(1))
            }
            _ => start,
        }
    }

    fn seen_alive(&mut self, handle: Handle, taken_at: Time, end: Option<Time>) {
        let slot = &self.slab[handle];
        let pid = slot.id.pid.clone();
        let is_contradicted = slot.end.is_some_and(|end| !end.is_exact && end.at <= taken_at);
        let is_last = self.next_after(&pid, slot.start).is_none();
        let slot = &mut self.slab[handle];
        slot.last_sync = slot.last_sync.max(taken_at);
        slot.last_seen = slot.last_seen.max(taken_at);
        match (end, slot.end) {
            (Some(at), None | Some(End { is_exact: false, .. })) => self.end_exactly(handle, at, None),
            // The end of the process had only been inferred.
            (None, Some(_)) if is_contradicted && is_last => {
                slot.end = None;
                self.adopt_orphans(handle);
                self.changed(handle, Dirty::End);
            }
            _ => {}
        }
    }

    /// The parent named in a list: the process with that pid in the same list if possible, else the one that
    /// had the pid when the child started. Only for children whose creator is unknown: a list shows an orphan
    /// with its adopter.
    fn parent_from_list(&mut self, child: Handle, pid: &Pid, listed: Option<Handle>) {
        let slot = &self.slab[child];
        if slot.has_event_parent {
            return;
        }
        if let Some(parent) = listed {
            let other = &self.slab[parent];
            let slack = slot.precision.max(other.precision);
            let is_older = !slot.is_start_known || other.start <= slot.start.plus(slack);
            if is_older && self.may_link(child, parent) {
                self.link(child, parent);
                return;
            }
        }
        self.set_parent(child, pid);
    }

    /// Living processes that the list should contain, but does not, have ended by then.
    fn end_absent(&mut self, taken_at: Time, present: &FxHashSet<Handle>) -> usize {
        let settled = taken_at.minus(self.config.clock_skew);
        let absent: Vec<Handle> = self
            .slab
            .iter()
            .filter(|(_, slot)| slot.end.is_none() && slot.last_seen < settled)
            .map(|(handle, _)| handle)
            .filter(|handle| !present.contains(handle))
            .collect();
        for handle in &absent {
            self.slab[*handle].end = Some(End::inferred(taken_at));
            self.counters.inferred_exits += 1;
            self.changed(*handle, Dirty::End);
            self.announce(Change::Exit, *handle);
        }
        absent.len()
    }
}
