//! The tracker's own feed: process events directly from the kernel, and full lists from the machine.
//!
//! It costs a fraction of the same work done through queries, and an event never waits for a query.

use super::full_list::FullLists;
use super::in_force::now;
use super::payload::{ProcessData, Program};
use super::shared;
use crate::events::hub::{self, Subscription};
use crate::events::turns;
use crate::machine::{failed, machine};
use crate::process::UserNames;
use peregrine_engine::prelude::*;
use peregrine_os::{Exec, Process, ProcessEvent};
use peregrine_tracker::{Event, Kind, Span, Time as Instant, Tracker};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Start times are rounded to clock ticks; boot times determined at different moments may differ by a little
/// more.
pub(super) const PRECISION: Span = Span::from_millis(20);
const WAIT: Duration = Duration::from_millis(500);

/// The data the tracker keeps of a process.
pub(crate) fn data_of(process: &Process) -> Arc<ProcessData> {
    let username = process
        .username
        .as_deref()
        .map_or_else(|| Str::from(process.uid.to_string()), system_text);
    let program = Program {
        name: system_text(&process.name()),
        username: Some(username),
        exe: path_text(process.exe.as_deref()),
        uid: Some(process.uid),
    };
    shared::program_data(program, process.argv.command_line())
}

fn data_of_exec(exec: &Exec, users: &mut UserNames, scope: &Scope) -> Arc<ProcessData> {
    let program = Program {
        name: system_text(&exec.name()),
        username: exec.uid.map(|uid| users.name(scope, uid)),
        exe: path_text(exec.exe.as_deref()),
        uid: exec.uid,
    };
    shared::program_data(program, exec.argv.command_line())
}

fn path_text(path: Option<&Path>) -> Str {
    path.map_or(Str::EMPTY, |path| system_text(path.as_os_str()))
}

/// A name of the system, byte by byte.
fn system_text(text: &OsStr) -> Str {
    Str::new(text.as_encoded_bytes())
}

/// Feeds the tracker until the scope is cancelled.
pub(crate) struct Feed {
    scope: Scope,
    tracker: Arc<Tracker<ProcessData>>,
    events: Subscription,
    users: UserNames,
    lists: FullLists,
    sync_period: Duration,
}

impl Feed {
    /// Starts to listen, then takes the first full list, so that nothing falls between them.
    pub(crate) fn start(
        scope: &Scope,
        tracker: &Arc<Tracker<ProcessData>>,
        source: &str,
        sync_period: Duration,
    ) -> VqlResult<Feed> {
        let source = crate::events::preferred(source)?;
        let events = turns::feeding(scope, || hub::subscribe(scope, source))?;
        scope.log_line(&format!(
            "INFO:process_tracker: process events come from {}",
            events.kind()
        ));
        let mut feed = Feed {
            scope: scope.clone(),
            tracker: Arc::clone(tracker),
            events,
            users: UserNames::default(),
            lists: FullLists::default(),
            sync_period,
        };
        feed.sync()?;
        Ok(feed)
    }

    /// Runs until the query ends.
    pub(crate) fn run(mut self) {
        let mut last_sync = std::time::Instant::now();
        while !self.scope.cancellation().is_cancelled() {
            let batch = match self.events.next(WAIT) {
                Ok(batch) => batch,
                Err(error) => {
                    self.scope.log_line(&format!(
                        "ERROR:process_tracker: {error}; only full lists are used from now on"
                    ));
                    self.poll_only();
                    return;
                }
            };
            let mut lost = self.events.take_lost();
            if let Some(batch) = batch {
                lost += batch
                    .iter()
                    .map(|event| {
                        if let ProcessEvent::Lost(count) = event {
                            *count
                        } else {
                            0
                        }
                    })
                    .sum::<u64>();
                let events: Vec<_> = batch.iter().filter_map(|event| self.event(event)).collect();
                self.tracker.apply(now(&self.scope), events);
            }
            if lost > 0 {
                self.scope.log_line(&format!(
                    "WARN:process_tracker: {lost} process events were lost; taking a full list"
                ));
                self.tracker.report_lost(self.events.kind().as_str(), lost);
            }
            if lost > 0 || last_sync.elapsed() >= self.sync_period {
                self.sync_logged();
                last_sync = std::time::Instant::now();
            }
        }
    }

    fn poll_only(&mut self) {
        while !self.scope.cancellation().wait(self.sync_period) {
            self.sync_logged();
        }
    }

    fn sync_logged(&mut self) {
        if let Err(error) = self.sync() {
            self.scope.log_line(&format!(
                "WARN:process_tracker: no full list of processes: {error}"
            ));
        }
    }

    fn sync(&mut self) -> VqlResult<()> {
        let machine = machine(&self.scope)?;
        let taken_at = now(&self.scope);
        let rows = self.lists.take(machine.as_ref(), &self.tracker).map_err(failed)?;
        self.tracker.sync(taken_at, PRECISION, rows);
        Ok(())
    }

    fn event(&mut self, event: &ProcessEvent) -> Option<Event<ProcessData>> {
        let (pid, parent, start, time, kind) = match event {
            ProcessEvent::Fork(fork) => (
                fork.pid,
                Some(fork.ppid),
                fork.start,
                fork.time,
                Kind::Start(None),
            ),
            ProcessEvent::Exec(exec) => {
                let data = data_of_exec(exec, &mut self.users, &self.scope);
                (exec.pid, Some(exec.ppid), exec.start, exec.time, Kind::Exec(data))
            }
            ProcessEvent::Exit(exit) => {
                let status = exit.status.map(|status| i64::from(status.0));
                (exit.pid, None, exit.start, exit.time, Kind::Exit { status })
            }
            ProcessEvent::Lost(_) => return None,
        };
        let mut event = Event::new(pid, Instant::from_nanos(time), kind);
        event.parent = parent.map(Into::into);
        event.start = Some(Instant::from_nanos(start.epoch_ns));
        event.precision = PRECISION;
        Some(event)
    }
}
