//! Hunts as dicts, with the members of the reference in its order.

use peregrine_engine::prelude::*;
use peregrine_store::{Hunt, HuntId, HuntState};

use crate::flow_records::{Requested, requested};
use crate::records::texts;
use crate::{Live, Stored};

/// Columns of [`record`].
pub(crate) const COLUMNS: &[ColumnSpec] = &[
    shown("hunt_id", "The hunt's id."),
    shown("version", "Grows with every change that a user makes."),
    shown(
        "create_time",
        "When it was created, in microseconds since 1970, like the other times.",
    ),
    shown("creator", "The user who created it."),
    shown("start_time", "When it was last started; 0 if it never was."),
    shown("expires", "When it stops by itself."),
    shown("hunt_description", "What it is for."),
    shown("tags", "Words to find it by."),
    shown("start_request", "What it collects; not in a summary."),
    shown(
        "condition",
        "Which clients it is for: `excluded_labels.label`, `labels.label` and `os.os` (`ALL`, `WINDOWS`, `LINUX` or `OSX`). All of them count.",
    ),
    shown(
        "client_limit",
        "It stops when this many clients have joined; 0 for no limit.",
    ),
    shown(
        "stats",
        "What became of its collections, a moment ago: `total_clients_scheduled`, `total_clients_with_results`, `total_clients_without_results` of those that have ended, `total_clients_with_errors` (cancelled ones are errors, too), `total_uploaded_bytes`, `total_collected_rows`, `total_finished_clients`; and whether it is `stopped`.",
    ),
    shown("artifacts", "Names of the artifacts it collects."),
    shown("artifact_sources", "The tables its collections can have."),
    shown("state", "`PAUSED`, `RUNNING`, `STOPPED` or `ARCHIVED`."),
    shown("org_ids", "Its organisation: always `root`."),
];

/// The hunt, or an error that says that there is none.
pub(crate) fn find(stored: &Stored, hunt_id: &HuntId) -> VqlResult<Hunt> {
    let found = stored.wait(stored.database.hunt(hunt_id))?;
    found.ok_or_else(|| not_found(hunt_id))
}

/// As [`find`], for what changes a running server.
pub(crate) fn find_live(live: &Live, hunt_id: &HuntId) -> VqlResult<Hunt> {
    let database = &live.core.storage.database;
    let found = live.wait(async { Ok(database.hunt(hunt_id).await?) })?;
    found.ok_or_else(|| not_found(hunt_id))
}

fn not_found(hunt_id: &HuntId) -> VqlError {
    format!("hunt `{hunt_id}` not found; hunts() lists all").into()
}

/// A hunt, in the form of a row of `hunts()`.
pub(crate) fn record(hunt: &Hunt) -> Dict {
    let labels = |labels: &[String]| Dict::from_pairs([("label", texts(labels))]);
    let os = match hunt.condition.os.as_deref() {
        None => "ALL".to_owned(),
        Some("darwin") => "OSX".to_owned(),
        Some(os) => os.to_uppercase(),
    };
    let condition = Dict::from_pairs([
        ("excluded_labels", labels(&hunt.condition.excluded_labels)),
        ("labels", labels(&hunt.condition.labels)),
        ("os", Dict::from_pairs([("os", os)])),
    ]);
    let state = match hunt.state {
        HuntState::Paused => "PAUSED",
        HuntState::Running => "RUNNING",
        HuntState::Stopped => "STOPPED",
        HuntState::Archived => "ARCHIVED",
    };
    Dict::from_pairs([
        ("hunt_id", Value::from(hunt.hunt_id.as_str())),
        ("version", Value::Int(hunt.version)),
        ("create_time", Value::Int(hunt.created)),
        ("creator", Value::from(hunt.creator.as_str())),
        ("start_time", Value::Int(hunt.started.unwrap_or(0))),
        ("expires", Value::Int(hunt.expires)),
        ("hunt_description", Value::from(hunt.description.as_str())),
        ("tags", texts(&hunt.tags)),
        ("start_request", request(hunt)),
        ("condition", Value::Dict(condition)),
        ("client_limit", number(hunt.client_limit)),
        ("stats", Value::Dict(stats(hunt))),
        ("artifacts", texts(&hunt.artifacts)),
        ("artifact_sources", texts(&hunt.sources)),
        ("state", Value::from(state)),
        ("org_ids", texts(&["root".to_owned()])),
    ])
}

/// What it collects, in the form of the request of a collection.
pub(crate) fn request(hunt: &Hunt) -> Value {
    requested(&Requested {
        creator: &hunt.creator,
        client_id: "",
        flow_id: hunt.hunt_id.flow_id().as_str(),
        is_urgent: hunt.urgent,
        artifacts: &hunt.artifacts,
        request: &hunt.request,
    })
}

fn stats(hunt: &Hunt) -> Dict {
    let totals = &hunt.totals;
    let errors = totals.errors + totals.cancelled;
    let ended = totals.finished + errors;
    let downloads = Dict::from_pairs([("files", Value::from(Vec::<Value>::new()))]);
    let is_stopped = matches!(hunt.state, HuntState::Stopped | HuntState::Archived);
    Dict::from_pairs([
        ("total_clients_scheduled", number(totals.scheduled)),
        ("total_clients_with_results", number(totals.with_results)),
        // While collections with rows still run, this is too small by their number.
        (
            "total_clients_without_results",
            number(ended.saturating_sub(totals.with_results)),
        ),
        ("total_clients_with_errors", number(errors)),
        ("total_uploaded_bytes", number(totals.uploaded_bytes)),
        ("total_collected_rows", number(totals.rows)),
        ("total_finished_clients", number(ended)),
        ("stopped", Value::Bool(is_stopped)),
        // Archives are not kept, and totals are counted without going through a table of clients.
        ("available_downloads", Value::Dict(downloads)),
        ("last_client_table_scan", Value::Int(0)),
    ])
}

fn number(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
