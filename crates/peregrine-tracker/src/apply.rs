//! Single events: starts, execs and exits, in any order.

use crate::images::Image;
use crate::payload::Payload;
use crate::slot::{Dirty, End, Handle, Parent};
use crate::store::Store;
use crate::updates::Change;
use crate::{Event, Kind, Pid, Span, Time};
use std::sync::Arc;

/// Maximum difference between two reports of one exit.
const SAME_EXIT: Span = Span::from_millis(1);

/// A start time less precise than this is as good as none.
const MAX_PRECISION: Span = Span::from_seconds(10);

impl<D: Payload> Store<D> {
    pub(crate) fn apply(&mut self, event: Event<D>) {
        let start = event.start.filter(|start| *start > Time::from_nanos(0));
        let precision = event.precision.min(MAX_PRECISION);
        let event = Event {
            start,
            precision,
            ..event
        };
        match event.kind {
            Kind::Start(data) => {
                self.counters.starts += 1;
                self.on_start(&event.pid, event.parent, event.start, precision, event.at, data);
            }
            Kind::Exec(data) => {
                self.counters.execs += 1;
                self.on_exec(&event.pid, event.parent, event.start, precision, event.at, data);
            }
            Kind::StartOrExec(_) => self.start_or_exec(event),
            Kind::Exit { status } => {
                self.counters.exits += 1;
                self.on_exit(&event.pid, event.start, precision, event.at, status);
            }
        }
    }

    fn on_start(
        &mut self,
        pid: &Pid,
        parent: Option<Pid>,
        start: Option<Time>,
        precision: Span,
        at: Time,
        data: Option<Arc<D>>,
    ) {
        let known = match start {
            Some(start) => self.find(pid, start, precision),
            // Without a start time, only an exit in between reveals a reused pid.
            None => self.latest(pid, at).filter(|h| self.slab[*h].is_alive_after(at)),
        };
        let start_or_at = start.unwrap_or(at);
        let handle = match known {
            Some(handle) => {
                self.counters.duplicates += u64::from(self.slab[handle].has_event_parent);
                if let Some(start) = start {
                    self.learn_start(handle, start, precision);
                }
                handle
            }
            None => self.create(pid, start_or_at, start.is_some(), precision),
        };
        if let Some(parent) = parent
            && !self.slab[handle].has_event_parent
        {
            self.slab[handle].has_event_parent = true;
            self.set_parent(handle, &parent);
        }
        if let Some(data) = data {
            self.add_image(
                handle,
                Image {
                    at: start_or_at,
                    is_exact: true,
                    data,
                },
            );
        }
        self.changed(handle, Dirty::All);
        if known.is_none() {
            self.announce(Change::Start, handle);
        }
    }

    fn on_exec(
        &mut self,
        pid: &Pid,
        parent: Option<Pid>,
        start: Option<Time>,
        precision: Span,
        at: Time,
        data: Arc<D>,
    ) {
        let handle = match start {
            Some(start) => self.find(pid, start, precision).unwrap_or_else(|| {
                let handle = self.create(pid, start, true, precision);
                self.announce(Change::Start, handle);
                handle
            }),
            None => self
                .alive_at(pid, at)
                .unwrap_or_else(|| self.create(pid, at, false, Span::ZERO)),
        };
        // After a fork has been seen, the parent in a feed can only be the adopter.
        if let Some(parent) = parent
            && matches!(self.slab[handle].parent, Parent::None)
        {
            self.set_parent(handle, &parent);
        }
        self.add_image(
            handle,
            Image {
                at,
                is_exact: true,
                data,
            },
        );
        self.changed(handle, Dirty::All);
        self.announce(Change::Exec, handle);
    }

    fn on_exit(
        &mut self,
        pid: &Pid,
        start: Option<Time>,
        precision: Span,
        mut at: Time,
        status: Option<i64>,
    ) {
        let found = match start {
            Some(start) => {
                let Some(found) = self.find_started(pid, start, precision) else {
                    self.counters.unseen_exits += 1;
                    let end = End::exact(at.max(start), status);
                    let handle = self.create_ended(pid, start, true, precision, Some(end));
                    return self.announce(Change::Exit, handle);
                };
                if at.plus(precision.max(self.slab[found].precision)) < self.slab[found].start {
                    // The clock was set back. The process ended after everything that is known about it.
                    at = self.last_trace(found);
                }
                Some(found)
            }
            None => self.latest(pid, at).or_else(|| {
                // Start times may be rounded to after a quick exit.
                let next = self.next_after(pid, at)?;
                let slot = &self.slab[next];
                (slot.start.minus(slot.precision) <= at && slot.end.is_none()).then_some(next)
            }),
        };
        let Some(handle) = found else {
            return self.bury_unseen(pid, at, status);
        };
        match self.slab[handle].end {
            Some(end) if end.is_exact && end.at.distance(at) <= SAME_EXIT => self.counters.duplicates += 1,
            Some(end) if end.is_exact && start.is_some() => self.counters.duplicates += 1,
            // The incarnation that exits here was never seen.
            Some(end) if end.is_exact && end.at < at => self.bury_unseen(pid, at, status),
            Some(end) if !end.is_exact && end.at.plus(self.config.clock_skew) < at && start.is_none() => {
                self.bury_unseen(pid, at, status);
            }
            _ => self.end_exactly(handle, at, status),
        }
    }

    /// Sets the reported end. Traces of life after it belong to a later incarnation whose start is missing.
    pub(crate) fn end_exactly(&mut self, handle: Handle, at: Time, status: Option<i64>) {
        let slot = &self.slab[handle];
        let was_exact_later = slot.end.filter(|end| end.is_exact && end.at > at.plus(SAME_EXIT));
        let latest_trace = at.plus(SAME_EXIT);
        let image_after = slot
            .images
            .iter()
            .map(|image| image.at)
            .find(|time| *time > latest_trace);
        let child_after = self
            .children(handle)
            .into_iter()
            .map(|child| self.slab[child].start)
            .filter(|start| *start > latest_trace)
            .min();
        let trace = [image_after, child_after, was_exact_later.map(|end| end.at)]
            .into_iter()
            .flatten()
            .min();
        if let Some(trace) = trace {
            let pid = slot.id.pid.clone();
            self.trace(&pid, trace, was_exact_later);
        }
        self.slab[handle].end = Some(End::exact(at, status));
        self.adopt_orphans(handle);
        self.changed(handle, Dirty::End);
        self.announce(Change::Exit, handle);
    }

    /// The latest time at which the process did anything.
    fn last_trace(&self, handle: Handle) -> Time {
        let children = self.children(handle).into_iter();
        children
            .map(|child| self.slab[child].start)
            .fold(self.slab[handle].last_seen, Time::max)
    }

    /// Remembers the exit of a process that was never seen: if its start arrives late, it must not live forever.
    fn bury_unseen(&mut self, pid: &Pid, at: Time, status: Option<i64>) {
        self.counters.unseen_exits += 1;
        let end = End::exact(at, status);
        self.create_ended(pid, at, false, Span::ZERO, Some(end));
    }

    /// The incarnation of which only is known that it lived at `at`, and perhaps its end. A later trace
    /// without a start belongs to the same incarnation if nothing lies between the two.
    fn trace(&mut self, pid: &Pid, at: Time, end: Option<End>) -> Handle {
        let next = self.next_after(pid, at).filter(|next| {
            let slot = &self.slab[*next];
            let has_room = |end: End| slot.start <= end.at && slot.end.is_none_or(|known| !known.is_exact);
            !slot.is_start_known && end.is_none_or(has_room)
        });
        let Some(next) = next else {
            return self.create_ended(pid, at, false, Span::ZERO, end);
        };
        let before = self.latest(pid, at);
        self.move_start(next, at);
        if end.is_some() {
            self.slab[next].end = end;
            self.changed(next, Dirty::End);
        }
        if let Some(before) = before {
            self.succeed(before, next);
        }
        next
    }

    /// The incarnation that was alive at `at`, for events that do not say which one they are about.
    fn alive_at(&mut self, pid: &Pid, at: Time) -> Option<Handle> {
        if let Some(handle) = self.latest(pid, at)
            && self.slab[handle].end.is_none_or(|end| end.at >= at)
        {
            return Some(handle);
        }
        let next = self.next_after(pid, at)?;
        let slot = &self.slab[next];
        if !slot.is_start_known {
            return Some(self.trace(pid, at, None));
        }
        (slot.start.minus(slot.precision) <= at).then_some(next)
    }

    /// The record of the process with this pid and start time.
    pub(crate) fn find(&self, pid: &Pid, start: Time, precision: Span) -> Option<Handle> {
        let reach = self.reach(precision);
        let near = self
            .incarnations(pid, start.minus(reach), start.plus(reach))
            .filter(|(_, slot)| slot.is_start_known)
            .filter(|(_, slot)| slot.start.distance(start) <= precision.max(slot.precision))
            // Rounding only makes starts earlier: a process that ended before this start is a different one.
            .filter(|(_, slot)| slot.end.is_none_or(|end| !end.is_exact || end.at >= start))
            .min_by_key(|(_, slot)| {
                (
                    slot.start != start,
                    slot.end.is_some(),
                    slot.start.distance(start),
                )
            });
        if let Some((handle, _)) = near {
            return Some(handle);
        }
        let (first, slot) = self.incarnations(pid, start, Time::MAX).next()?;
        // If there was an exit between this start and the trace, the trace belongs to a later process.
        let before = self.latest(pid, start).and_then(|before| self.slab[before].end);
        let is_separate = before.is_some_and(|end| end.is_exact && end.at > start && end.at <= slot.start);
        let is_trace = !slot.is_start_known || slot.may_be_older;
        (is_trace && !is_separate).then_some(first)
    }

    /// Replaces the known start time by a better one.
    pub(crate) fn learn_start(&mut self, handle: Handle, start: Time, precision: Span) {
        let slot = &mut self.slab[handle];
        let was_known = slot.is_start_known;
        let slack = precision.max(slot.precision);
        let is_older = std::mem::take(&mut slot.may_be_older) && start.plus(slack) < slot.start;
        if was_known && precision >= slot.precision && !is_older {
            return;
        }
        slot.is_start_known = true;
        slot.precision = precision;
        if start != slot.start {
            self.move_start(handle, start);
        }
        if !was_known || is_older {
            self.assign_id(handle);
        }
        // A process believed to have ended just before may overlap with this one.
        let pid = self.slab[handle].id.pid.clone();
        let before = self.latest(&pid, start.minus(Span::from_nanos(1)));
        if let Some(before) = before
            && self.slab[before].end.is_some_and(|end| !end.is_exact)
        {
            self.succeed(before, handle);
        }
        self.adopt_orphans(handle);
        self.changed(handle, Dirty::All);
    }
}
