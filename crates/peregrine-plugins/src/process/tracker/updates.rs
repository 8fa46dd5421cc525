//! `process_tracker_updates()`: what the tracker learns, as it learns it.

use super::in_force::{Handle, current};
use super::payload::ProcessData;
use super::record::time_value;
use peregrine_engine::prelude::*;
use peregrine_tracker::{Process, Stats, Update};
use std::sync::Arc;
use std::time::Duration;

/// Watches the tracker: the first row, of type `sync`, has everything it knows, then comes a row for each
/// change.
///
/// `UpdateType` is `start`, `exec`, `exit`, `sync`, `stats` (periodically, with counters in `Data`) or `gap`
/// (this many updates were lost because the query was too slow). Ends at once if no tracker is installed.
#[derive(VqlArgs)]
pub struct Args {}

/// A change.
#[derive(IntoRow)]
pub struct UpdateRow {
    /// The process.
    #[column(alias = "id")]
    id: Value,
    /// Its parent.
    #[column(alias = "parent_id")]
    parent_id: Value,
    /// What happened.
    #[column(alias = "update_type")]
    update_type: &'static str,
    /// When the process started.
    #[column(alias = "start_time")]
    start_time: Value,
    /// When it ended.
    #[column(alias = "end_time")]
    end_time: Value,
    /// The process's data; for `sync` all records by id; for `stats` the counters.
    #[column(alias = "data")]
    data: Value,
}

pub struct ProcessTrackerUpdates;

/// Number of updates a query may fall behind.
const CAPACITY: usize = 100_000;

impl Plugin for ProcessTrackerUpdates {
    type Args = Args;
    type Row = UpdateRow;
    const NAME: &'static str = "process_tracker_updates";
    const CATEGORY: Category = Category::Events;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[not_run(
        "statistics of the tracker",
        "SELECT * FROM process_tracker_updates() WHERE UpdateType = 'stats'",
    )];

    fn run(scope: &Scope, _: Args, rows: &mut Rows<'_, UpdateRow>) -> VqlResult<()> {
        scope.check_access(Permission::MachineState)?;
        let tracker = current(scope)?;
        if tracker.is_snapshot {
            scope.log_line(
                "INFO:process_tracker_updates: no process tracker is installed, so there are no updates",
            );
            return Ok(());
        }
        let subscription = tracker.tracker.subscribe(CAPACITY);
        while !subscription.is_closed() {
            scope.checkpoint()?;
            if let Some(update) = subscription.next_timeout(Duration::from_millis(500)) {
                rows.push(row(&tracker, &update))?;
            }
        }
        Ok(())
    }
}

fn row(tracker: &Handle, update: &Update<ProcessData>) -> UpdateRow {
    let update_type = update.kind();
    let plain = |data: Value| UpdateRow {
        id: Value::Null,
        parent_id: Value::Null,
        update_type,
        start_time: Value::Null,
        end_time: Value::Null,
        data,
    };
    match update {
        Update::Start(process) | Update::Exec(process) | Update::Exit(process) => {
            process_row(tracker, update_type, process)
        }
        Update::Sync { .. } => plain(everything(tracker)),
        Update::Stats(stats) => plain(Value::Dict(counters(stats))),
        Update::Gap(count) => plain(Value::Dict(Dict::from_pairs([("Lost", Value::from(*count))]))),
    }
}

/// All records by id, built when a query reads them: queries that wait for other rows pay nothing.
fn everything(tracker: &Handle) -> Value {
    let tracker = tracker.clone();
    Value::Lazy(Lazy::once("Data", move |scope| {
        let processes = tracker.tracker.all(None);
        let records = processes
            .iter()
            .map(|process| (process.id.to_string(), tracker.record(scope, process)));
        Value::Dict(Dict::from_pairs(records))
    }))
}

fn process_row(
    tracker: &Handle,
    update_type: &'static str,
    process: &Arc<Process<ProcessData>>,
) -> UpdateRow {
    let (handle, shown) = (tracker.clone(), Arc::clone(process));
    UpdateRow {
        id: tracker.id_text(&process.id),
        parent_id: process
            .parent_id
            .as_ref()
            .map_or(Value::Null, |id| tracker.id_text(id)),
        update_type,
        start_time: time_value(process.start_time),
        end_time: time_value(process.end_time),
        data: Value::Lazy(Lazy::once("Data", move |_| Value::Dict(handle.data(&shown)))),
    }
}

fn counters(stats: &Stats) -> Dict {
    let lost: u64 = stats.lost.values().sum();
    Dict::from_pairs([
        ("Length", stats.length),
        ("Alive", stats.alive),
        ("Size", stats.size),
        ("Capacity", stats.capacity),
        ("Evictions", stats.evictions),
        ("Expired", stats.expired),
        ("Hits", stats.hits),
        ("Misses", stats.misses),
        ("MissesForgotten", stats.misses_forgotten),
        ("Starts", stats.starts),
        ("Execs", stats.execs),
        ("Exits", stats.exits),
        ("Syncs", stats.syncs),
        ("InferredExits", stats.inferred_exits),
        ("UnseenExits", stats.unseen_exits),
        ("Duplicates", stats.duplicates),
        ("DroppedUpdates", stats.dropped_updates),
        ("LostEvents", lost),
    ])
}
