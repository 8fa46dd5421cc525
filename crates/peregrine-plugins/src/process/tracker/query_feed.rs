//! Feeds from queries: `sync_query` provides full lists, `update_query` changes.

use super::in_force::{instant, now};
use super::payload::ProcessData;
use crate::events::turns;
use peregrine_engine::prelude::*;
use peregrine_tracker::{Event, Kind, Pid, Row as ListRow, Span, Time as Instant, Tracker};
use std::sync::Arc;
use std::time::Duration;

/// Maximum error of a start time without a fraction.
const SECOND: Span = Span::from_seconds(1);
/// A list that takes longer than its period is late, but usable; one that hangs is given up after at least
/// this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum error of a start time with a fraction: clocks of different sources differ by ticks.
const TICKS: Span = Span::from_millis(20);

/// Takes full lists from a query, first once and then periodically.
pub(crate) struct SyncFeed {
    pub(crate) scope: Scope,
    pub(crate) tracker: Arc<Tracker<ProcessData>>,
    pub(crate) query: Query,
    pub(crate) period: Duration,
}

impl SyncFeed {
    /// Runs until the query ends.
    pub(crate) fn run(&self) {
        while !self.scope.cancellation().wait(self.period) {
            if let Err(error) = self.sync() {
                self.scope.log_line(&format!("process_tracker: {error}"));
            }
        }
    }

    /// Takes one full list.
    pub(crate) fn sync(&self) -> Result<(), String> {
        let taken_at = now(&self.scope);
        let patience = self.period.max(PATIENCE);
        let limit = self.scope.cancellation().child_with_deadline(patience);
        let scope = self.scope.child_cancelled_by(limit.clone());
        let mut rows = Vec::new();
        let mut precision = TICKS;
        let mut wrong = None;
        let mut sink = FnSink(|row: Row| {
            match list_row(&scope, &row, &mut precision) {
                Ok(row) => rows.push(row),
                Err(error) => wrong = Some(error),
            }
            if wrong.is_some() { Err(Stop) } else { Ok(()) }
        });
        let outcome = self.query.run(&scope, &mut sink);
        if let Some(error) = wrong {
            return Err(format!("sync_query: {error}"));
        }
        if outcome.is_err() || limit.is_cancelled() {
            return Err(format!(
                "sync_query did not end within {patience:?}; its rows are not used"
            ));
        }
        self.tracker.sync(taken_at, precision, rows);
        Ok(())
    }
}

fn list_row(scope: &Scope, row: &Row, precision: &mut Span) -> Result<ListRow<ProcessData>, String> {
    let start = time(scope, row, "start_time");
    if start.is_some_and(|start| start.nanos() % 1_000_000_000 == 0) {
        *precision = SECOND;
    }
    Ok(ListRow {
        pid: pid(scope, row, "id").ok_or("a row has no `id`")?,
        parent: pid(scope, row, "parent_id"),
        start,
        end: time(scope, row, "end_time"),
        data: data(scope, row),
    })
}

/// Runs the update query until it ends.
pub(crate) fn run_updates(scope: &Scope, tracker: &Tracker<ProcessData>, query: &Query) {
    let mut sink = FnSink(|row: Row| {
        match event(scope, &row) {
            Ok(event) => tracker.apply(now(scope), [event]),
            Err(error) => scope.log_line(&format!(
                "process_tracker: update_query: {error}; the row is skipped"
            )),
        }
        Ok(())
    });
    // A row that comes from process events reaches the tracker before queries see the event.
    let _ = turns::feeding(scope, || query.run(scope, &mut sink));
    if !scope.cancellation().is_cancelled() {
        scope.log_line("WARN:process_tracker: update_query has ended; only full lists are used from now on");
    }
}

fn event(scope: &Scope, row: &Row) -> Result<Event<ProcessData>, String> {
    let id = pid(scope, row, "id").ok_or("a row has no `id`")?;
    let start = time(scope, row, "start_time");
    let update_type = row
        .get("update_type")
        .unwrap_or(Value::Null)
        .to_text(scope)
        .as_utf8_lossy()
        .to_ascii_lowercase();
    let data = || data(scope, row);
    let told = time(scope, row, "time");
    let (at, kind) = match update_type.as_str() {
        "fork" => (start.unwrap_or_else(|| now(scope)), Kind::Start(data())),
        // Feeds that watch executions call them starts, and give the time of the execution or of the process.
        "start" => (
            told.or(start).unwrap_or_else(|| now(scope)),
            Kind::StartOrExec(data()),
        ),
        "exec" => {
            let data = data().ok_or("an `exec` row has no `data`")?;
            (told.unwrap_or_else(|| now(scope)), Kind::StartOrExec(Some(data)))
        }
        "exit" => {
            let status = row.get("exit_code").and_then(|code| code.as_i64());
            (
                time(scope, row, "end_time").unwrap_or_else(|| now(scope)),
                Kind::Exit {
                    status: status.map(|code| code << 8),
                },
            )
        }
        other => {
            return Err(format!(
                "unknown `update_type` `{other}`; use start, exec or exit"
            ));
        }
    };
    let mut event = Event::new(id, at, kind);
    event.parent = pid(scope, row, "parent_id");
    event.precision = if start.is_some_and(|start| start.nanos() % 1_000_000_000 == 0) {
        SECOND
    } else {
        TICKS
    };
    event.start = start;
    Ok(event)
}

fn pid(scope: &Scope, row: &Row, name: &str) -> Option<Pid> {
    let value = row.get(name)?.reduce(scope);
    if value.is_null() {
        return None;
    }
    let text = value.to_text(scope);
    (!text.is_empty()).then(|| Pid::from(text.as_utf8_lossy().as_ref()))
}

fn time(scope: &Scope, row: &Row, name: &str) -> Option<Instant> {
    let value = row.get(name)?.reduce(scope);
    let time = peregrine_engine::time::to_time(scope, &value)?;
    (!time.is_zero()).then(|| instant(time))
}

fn data(scope: &Scope, row: &Row) -> Option<Arc<ProcessData>> {
    let dict = match row.get("data")?.reduce(scope) {
        Value::Dict(dict) => dict,
        other if other.has_members() => other.to_dict(scope),
        _ => return None,
    };
    Some(ProcessData::of_query(&dict))
}
