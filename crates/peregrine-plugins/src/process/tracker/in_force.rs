//! The tracker of a host, and the snapshot that replaces it when none is installed.

use super::missing::Missing;
use super::payload::ProcessData;
use crate::machine::{failed, machine};
use crate::process::process_object::ProcessObject;
use parking_lot::{Mutex, RwLock};
use peregrine_engine::prelude::*;
use peregrine_os::{Machine, Process};
use peregrine_tracker::{Config, Row, Span, Time as Instant, Tracker};
use std::path::PathBuf;
use std::sync::Arc;

/// The folder for the agent's state; as an extension of a context, it makes the tracker survive a restart of
/// the agent.
#[derive(Debug, Clone)]
pub struct StateFolder(pub PathBuf);

/// The installed tracker, or a snapshot in its place.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) tracker: Arc<Tracker<ProcessData>>,
    /// Called when a record is shown; each returns a dict that is merged into its `Data`.
    pub(crate) enrichments: Arc<Vec<Lambda>>,
    /// A snapshot has no history, and its ids are plain pids.
    pub(crate) is_snapshot: bool,
    /// Counts questions without an answer.
    pub(crate) missing: Arc<Missing>,
}

/// The tracker that the queries of a host ask.
#[derive(Default)]
struct InForce {
    installed: RwLock<Option<Handle>>,
    snapshot: Mutex<Option<(Instant, Handle)>>,
    /// Shared by all snapshots, one after the other.
    missing: Arc<Missing>,
}

/// How long a snapshot is used.
const SNAPSHOT_LIFE: Span = Span::from_seconds(10);

/// Installs a tracker; it replaces any other.
pub(crate) fn install(scope: &Scope, handle: Handle) {
    *scope.host_state::<InForce>().installed.write() = Some(handle);
}

/// Uninstalls this tracker, unless another one has replaced it.
pub(crate) fn uninstall(scope: &Scope, tracker: &Arc<Tracker<ProcessData>>) -> bool {
    let in_force = scope.host_state::<InForce>();
    let mut installed = in_force.installed.write();
    let is_current = installed
        .as_ref()
        .is_some_and(|handle| Arc::ptr_eq(&handle.tracker, tracker));
    if is_current {
        *installed = None;
    }
    is_current
}

/// The counters of the installed tracker, if there is one.
pub(crate) fn installed_stats(scope: &Scope) -> Option<peregrine_tracker::Stats> {
    let in_force = scope.host_state::<InForce>();
    let installed = in_force.installed.read();
    Some(installed.as_ref()?.tracker.stats())
}

/// The tracker to ask.
pub(crate) fn current(scope: &Scope) -> VqlResult<Handle> {
    let in_force = scope.host_state::<InForce>();
    if let Some(handle) = in_force.installed.read().as_ref() {
        return Ok(handle.clone());
    }
    let mut snapshot = in_force.snapshot.lock();
    let now = now(scope);
    // Setting the clock back does not keep it for longer.
    if let Some((made, handle)) = snapshot.as_ref()
        && now.distance(*made) < SNAPSHOT_LIFE
    {
        return Ok(handle.clone());
    }
    let tracker = Tracker::new(Config {
        max_size: usize::MAX >> 1,
        ..Config::default()
    });
    let machine = machine(scope)?;
    let mut rows = Vec::new();
    machine
        .processes(&mut |process| {
            let brief = process.brief.clone();
            rows.push(Row {
                pid: brief.pid.into(),
                parent: Some(brief.ppid.into()),
                start: Some(Instant::from_nanos(brief.start.epoch_ns)),
                end: None,
                data: Some(Arc::new(ProcessData::Other(listed(scope, &machine, process)))),
            });
            std::ops::ControlFlow::Continue(())
        })
        .map_err(failed)?;
    tracker.sync(now, Span::ZERO, rows);
    let handle = Handle {
        tracker: Arc::new(tracker),
        enrichments: Arc::default(),
        is_snapshot: true,
        missing: Arc::clone(&in_force.missing),
    };
    *snapshot = Some((now, handle.clone()));
    Ok(handle)
}

/// The data `pslist()` shows for a process, and its user id.
fn listed(scope: &Scope, machine: &Arc<dyn Machine>, process: Process) -> Dict {
    let uid = process.uid;
    let process = ProcessObject::of(machine, process, false);
    let member = |name: &Str| {
        process
            .member(scope, &name.as_utf8_lossy())
            .unwrap_or(Value::Null)
    };
    let data = Dict::from_pairs(
        process
            .member_names()
            .into_iter()
            .map(|name| (name.clone(), member(&name))),
    );
    data.set("Uid", uid);
    data
}

/// The current time in the tracker's form.
pub(crate) fn now(scope: &Scope) -> Instant {
    instant(scope.clock().now())
}

/// A time of the language in the tracker's form.
pub(crate) fn instant(time: Time) -> Instant {
    Instant::from_nanos(i64::try_from(time.unix_nanos()).unwrap_or(i64::MAX))
}
