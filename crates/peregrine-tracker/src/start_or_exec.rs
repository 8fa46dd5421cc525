//! Events of feeds that call an execution a start: many only watch executions, and see no other beginning of
//! a process.

use crate::images::Image;
use crate::payload::Payload;
use crate::slot::{Dirty, Handle, Parent};
use crate::store::Store;
use crate::updates::Change;
use crate::{Event, Kind, Pid, Span, Time};

impl<D: Payload> Store<D> {
    /// If the process is running, it has executed something. Otherwise a process has started, then or
    /// somewhat earlier.
    pub(crate) fn start_or_exec(&mut self, event: Event<D>) {
        let Kind::StartOrExec(data) = &event.kind else {
            return;
        };
        let (pid, precision) = (&event.pid, event.precision);
        let known = match event.start {
            Some(start) => self.find(pid, start, precision).or_else(|| {
                let running = self.running(pid, start)?;
                self.may_be_child_of(running, event.parent.as_ref())
                    .then_some(running)
            }),
            None => self.running(pid, event.at),
        };
        let handle = match known {
            Some(handle) => {
                self.take_earlier_start(handle, event.start, precision);
                handle
            }
            None => {
                let start = event.start.unwrap_or(event.at);
                let handle = self.create(pid, start, event.start.is_some(), precision);
                self.slab[handle].may_be_older = event.start.is_some();
                handle
            }
        };
        if let Some(parent) = &event.parent
            && matches!(self.slab[handle].parent, Parent::None)
        {
            self.slab[handle].has_event_parent = true;
            self.set_parent(handle, parent);
        }
        let image = data.clone().map(|data| Image {
            at: self.executed_at(handle, &event),
            is_exact: true,
            data,
        });
        let is_new_program = match (&image, self.slab[handle].images.last()) {
            (Some(image), Some(last)) => !last.data.is_same_image(&image.data),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if let Some(image) = image.filter(|_| is_new_program) {
            self.add_image(handle, image);
        }
        self.changed(handle, Dirty::All);
        match (known, is_new_program) {
            (None, _) => {
                self.counters.starts += 1;
                self.announce(Change::Start, handle);
            }
            (Some(_), true) => {
                self.counters.execs += 1;
                self.announce(Change::Exec, handle);
            }
            (Some(_), false) => {
                self.counters.starts += 1;
                self.counters.duplicates += 1;
            }
        }
    }

    /// The process with this start time, or the one that executed something at that time.
    pub(crate) fn find_started(&self, pid: &Pid, start: Time, precision: Span) -> Option<Handle> {
        self.find(pid, start, precision).or_else(|| {
            let executed = |image: &Image<D>| image.is_exact && image.at.distance(start) <= precision;
            self.latest(pid, start.plus(precision))
                .filter(|handle| self.slab[*handle].images.iter().any(executed))
        })
    }

    fn running(&self, pid: &Pid, at: Time) -> Option<Handle> {
        self.latest(pid, at)
            .filter(|handle| self.slab[*handle].is_alive_after(at))
    }

    /// Whether the system may report this parent for the process: its creator, or a later adopter, which is
    /// one of its ancestors. Any other parent indicates another process, whose predecessor's end was not
    /// reported.
    fn may_be_child_of(&self, handle: Handle, parent: Option<&Pid>) -> bool {
        let Some(parent) = parent else { return true };
        let ancestors = self.chain(handle, usize::MAX);
        let is_ancestor = |ancestor: &Handle| *ancestor != handle && self.slab[*ancestor].id.pid == *parent;
        let first = ancestors.first().unwrap_or(&handle);
        let is_above = match &self.slab[*first].parent {
            Parent::Orphan(pid) => **pid == *parent,
            Parent::Evicted(id) => id.pid == *parent,
            Parent::None | Parent::Known(_) => *first == handle,
        };
        *parent == Pid::Number(1) || is_above || ancestors.iter().any(is_ancestor)
    }

    fn take_earlier_start(&mut self, handle: Handle, start: Option<Time>, precision: Span) {
        let slot = &self.slab[handle];
        let (may_be_older, was_known) = (slot.may_be_older, slot.is_start_known);
        if let Some(start) = start.filter(|start| *start <= slot.start) {
            self.learn_start(handle, start, precision);
            // The time of an execution is not certain to be the start of the process either.
            self.slab[handle].may_be_older = may_be_older || !was_known;
        }
    }

    /// The time of the execution, if the event has one besides the start of the process. Otherwise it
    /// happened after the previous program was last seen, and a question about the time of the event refers
    /// to this one.
    fn executed_at(&self, handle: Handle, event: &Event<D>) -> Time {
        let slot = &self.slab[handle];
        let begun = slot.start.plus(slot.precision.max(event.precision));
        let told = [event.start, Some(event.at)].into_iter().flatten();
        let after_last = slot.images.last().map_or(slot.start, |last| {
            last.at.max(slot.last_sync).plus(Span::from_nanos(1))
        });
        told.into_iter().find(|time| *time > begun).unwrap_or(after_last)
    }
}
