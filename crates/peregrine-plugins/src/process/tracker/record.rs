//! A tracked process as queries see it.

use super::in_force::{Handle, current, instant};
use super::payload::ProcessData;
use peregrine_engine::prelude::*;
use peregrine_tracker::{Id, Process, Span, Time as Instant, Tracker};
use std::sync::{Arc, LazyLock};

static COLUMNS: LazyLock<Arc<Columns>> =
    LazyLock::new(|| Columns::new(["Id", "ParentId", "StartTime", "EndTime", "Data", "Children"]));

/// A time of the tracker as a value; NULL when unknown.
pub(crate) fn time_value(time: Option<Instant>) -> Value {
    time.map_or(Value::Null, |time| {
        Value::Time(Time::from_unix_nanos(i128::from(time.nanos())))
    })
}

/// Maximum difference between the start of a process in an event and in a list.
const SAME_START: Span = Span::from_millis(20);

/// The time a question about a process refers to; arguments of the functions that take an id.
#[derive(VqlArgs)]
pub struct When {
    /// Answer for this point in time. Peregrine's own.
    as_of: Option<Time>,
    /// The process that started at this time, even if the pid was used by others. Peregrine's own.
    start_time: Option<Time>,
}

impl When {
    /// The id to look up and the time; `None` if the process that started at that time is unknown.
    pub(crate) fn resolve(
        &self,
        id: &Str,
        tracker: &Tracker<ProcessData>,
    ) -> Option<(String, Option<Instant>)> {
        let id = id.as_utf8_lossy();
        let as_of = self.as_of.map(instant);
        let Some(start) = self.start_time else {
            return Some((id.into_owned(), as_of));
        };
        let (id, start) = tracker.identify(&id, instant(start), SAME_START)?;
        // A time before the start means that the clock was set back in between: times of events follow it,
        // starts do not.
        Some((id.to_string(), as_of.map(|at| at.max(start))))
    }
}

/// Answers a question about the relatives of a process with an array of records.
pub(crate) fn relatives(
    scope: &Scope,
    id: &Str,
    when: &When,
    max_items: i64,
    ask: impl FnOnce(&Tracker<ProcessData>, &str, usize, Option<Instant>) -> Vec<Process<ProcessData>>,
) -> VqlResult {
    scope.check_access(Permission::MachineState)?;
    let handle = current(scope)?;
    let limit = usize::try_from(max_items).unwrap_or(0);
    let found = when
        .resolve(id, &handle.tracker)
        .map(|(id, as_of)| ask(&handle.tracker, &id, limit, as_of))
        .unwrap_or_default();
    if let Some(at) = when.as_of.filter(|_| found.is_empty() && limit > 0) {
        handle.missing.count(scope, &handle, at);
    }
    Ok(handle.records(scope, &found))
}

impl Handle {
    /// The id as shown.
    pub(crate) fn id_text(&self, id: &Id) -> Value {
        if self.is_snapshot {
            Value::from(id.pid.to_string())
        } else {
            Value::from(id.to_string())
        }
    }

    fn parent_text(&self, process: &Process<ProcessData>) -> Value {
        process
            .parent_id
            .as_ref()
            .map_or_else(|| Value::str(""), |id| self.id_text(id))
    }

    /// The data of a process: its program's data, and how it ended.
    pub(crate) fn data(&self, process: &Process<ProcessData>) -> Dict {
        let data = process
            .data
            .as_ref()
            .map_or_else(Dict::new, |data| data.to_dict());
        if let Some(status) = process.exit_status {
            let status = peregrine_os::ExitStatus(i32::try_from(status).unwrap_or(0));
            data.set(
                "ExitCode",
                status
                    .code()
                    .map_or(Value::Null, |code| Value::from(i64::from(code))),
            );
            if let Some(signal) = status.signal() {
                data.set("Signal", i64::from(signal));
            }
        }
        if process.end_time.is_some() && !process.is_end_exact {
            // The time is that of the list it was missing from: it ended at that time or earlier.
            data.set("EndTimeIsExact", false);
        }
        if !process.history.is_empty() {
            let images = process.history.iter().map(|image| {
                let shown = image.data.to_dict();
                shown.set("Since", time_value(Some(image.since)));
                Value::Dict(shown)
            });
            data.set("EarlierImages", Value::array(images.collect()));
        }
        data
    }

    /// The record as a dict, enriched.
    pub(crate) fn record(&self, scope: &Scope, process: &Process<ProcessData>) -> Value {
        let data = self.data(process);
        let record = Dict::from_columns(
            Arc::clone(&COLUMNS),
            vec![
                self.id_text(&process.id),
                self.parent_text(process),
                time_value(process.start_time),
                time_value(process.end_time),
                Value::Dict(data.clone()),
                self.children(process),
            ],
        );
        for enrichment in self.enrichments.iter() {
            let added = enrichment.call(scope, &[Value::Dict(record.clone())]);
            if let Value::Dict(added) = added {
                for (name, value) in added.entries() {
                    data.set(name, value);
                }
            }
        }
        Value::Dict(record)
    }

    /// The ids of the children, looked up when a query reads them: a shell has thousands of children, and the
    /// call chain of each contains it.
    fn children(&self, process: &Process<ProcessData>) -> Value {
        let (handle, process) = (self.clone(), process.clone());
        Value::Lazy(Lazy::once("Children", move |_| {
            let children = handle.tracker.child_ids(&process);
            Value::array(children.iter().map(|id| handle.id_text(id)).collect())
        }))
    }

    /// An array of records.
    pub(crate) fn records(&self, scope: &Scope, processes: &[Process<ProcessData>]) -> Value {
        Value::array(
            processes
                .iter()
                .map(|process| self.record(scope, process))
                .collect(),
        )
    }

    /// The row of `process_tracker_pslist()`: the data, with the identity under the column names of a process
    /// list. In a snapshot, the data is already such a row.
    pub(crate) fn pslist_row(&self, process: &Process<ProcessData>) -> Dict {
        let row = self.data(process);
        if !self.is_snapshot {
            row.set("Pid", self.id_text(&process.id));
            row.set("Ppid", self.parent_text(process));
        }
        row.set("StartTime", time_value(process.start_time));
        row.set("EndTime", time_value(process.end_time));
        row
    }
}
