//! Selects stored rows by arguments, or by variables of the scope where arguments are left out.

use std::sync::Arc;

use peregrine_base::ids::MONITORING;
use peregrine_engine::prelude::*;
use peregrine_engine::time;
use peregrine_services::audit;
use peregrine_services::events::permission_to_read;
use peregrine_services::table::{AuditSource, SetSource};
use peregrine_store::{ClientId, FlowId, Micros, ResultSet, SetKind};

use crate::Stored;
use crate::args::{WhichEvents, WhichRows, id};
use crate::records::micros;
use crate::rows::StoredRows;

/// A selection of stored rows.
#[derive(Debug)]
pub(crate) struct Selection {
    pub(crate) client_id: ClientId,
    /// None: events.
    pub(crate) flow_id: Option<FlowId>,
    /// `Artifact` or `Artifact/Source`; if empty, the first one with rows.
    pub(crate) artifact: String,
    pub(crate) start: Option<Micros>,
    pub(crate) end: Option<Micros>,
}

impl Selection {
    /// Resolves the arguments in this scope. `notebook` is any argument about notebooks, and is refused.
    pub(crate) fn new(
        scope: &Scope,
        given: WhichRows,
        notebook: Option<String>,
        (start, end): (Option<Value>, Option<Value>),
    ) -> VqlResult<Selection> {
        let or_scope = |text: Option<String>, name: &str| {
            text.filter(|text| !text.is_empty())
                .or_else(|| scope.get_text(name))
                .unwrap_or_default()
        };
        for (what, text, name) in [
            ("hunts", given.hunt_id, "HuntId"),
            ("notebooks", notebook, "NotebookId"),
        ] {
            let id = or_scope(text, name);
            if !id.is_empty() {
                return Err(format!("this server has no {what}, and so no rows of `{id}`").into());
            }
        }
        let client_id = or_scope(given.client_id, "ClientId");
        if client_id.is_empty() {
            return Err("Field client_id is required: no argument, and no variable ClientId".into());
        }
        Ok(Selection {
            client_id: id(&client_id)?,
            flow_id: match or_scope(given.flow_id, "FlowId").as_str() {
                "" | MONITORING => None,
                flow_id => Some(id(flow_id)?),
            },
            artifact: full_name(
                or_scope(given.artifact, "ArtifactName"),
                given.source.unwrap_or_default(),
            ),
            start: bound(scope, start, "StartTime")?,
            end: bound(scope, end, "EndTime")?,
        })
    }

    /// Rows or logs of a collection.
    pub(crate) fn of_flow(client_id: &str, flow_id: &str, artifact: String) -> VqlResult<Selection> {
        Ok(Selection {
            client_id: id(client_id)?,
            flow_id: Some(id(flow_id)?),
            artifact,
            start: None,
            end: None,
        })
    }

    /// Selects events of a client. Of the scope only `StartTime` and `EndTime` count.
    pub(crate) fn events(scope: &Scope, given: WhichEvents) -> VqlResult<Selection> {
        Ok(Selection {
            client_id: id(&given.client_id)?,
            flow_id: None,
            artifact: full_name(given.artifact, given.source.unwrap_or_default()),
            start: bound(scope, given.start_time, "StartTime")?,
            end: bound(scope, given.end_time, "EndTime")?,
        })
    }

    /// Rows of the collection or, without one, events.
    pub(crate) fn rows(&self, scope: &Scope, stored: &Arc<Stored>) -> VqlResult<StoredRows> {
        let kind = match self.flow_id {
            None => SetKind::Events,
            Some(_) => SetKind::Rows,
        };
        self.rows_of(scope, stored, kind)
    }

    /// The rows of one kind.
    pub(crate) fn rows_of(
        &self,
        scope: &Scope,
        stored: &Arc<Stored>,
        kind: SetKind,
    ) -> VqlResult<StoredRows> {
        let is_audit = self.client_id.is_server() && self.artifact == audit::QUEUE;
        if is_audit && self.flow_id.is_none() && kind == SetKind::Events {
            scope.check_access(permission_to_read(audit::QUEUE))?;
            let log = AuditSource::events(Arc::clone(&stored.database), (self.start, self.end));
            return Ok(StoredRows::of_audit(stored, stored.wait(log)?));
        }
        let sets = match &self.flow_id {
            None => stored.wait(stored.database.event_sets(&self.client_id))?,
            Some(flow_id) => stored.wait(stored.database.result_sets(&self.client_id, flow_id))?,
        };
        let sets: Vec<ResultSet> = sets.into_iter().filter(|set| set.kind == kind).collect();
        let found = match self.artifact.as_str() {
            "" => sets.first(),
            name => sets.iter().find(|set| set.name == name),
        };
        let Some(set) = found else {
            return Err(self.nothing(stored, &sets)?.into());
        };
        let source = SetSource::new(Arc::clone(&stored.database), set);
        if self.flow_id.is_none() && (self.start.is_some() || self.end.is_some()) {
            let range = stored.wait(stored.database.row_range(set.id, self.start, self.end))?;
            return Ok(StoredRows::of(stored, source.within(range)));
        }
        Ok(StoredRows::of(stored, source))
    }

    /// The message if nothing was found: what does not exist, and what does instead.
    fn nothing(&self, stored: &Stored, sets: &[ResultSet]) -> VqlResult<String> {
        let Selection {
            client_id,
            flow_id,
            artifact,
            ..
        } = self;
        if !client_id.is_server() && stored.wait(stored.database.client(client_id))?.is_none() {
            return Ok(format!("machine `{client_id}` not found; clients() lists all"));
        }
        let of = match flow_id {
            None => format!("events of `{client_id}`"),
            Some(flow_id) if stored.wait(stored.database.flow(client_id, flow_id))?.is_none() => {
                return Ok(format!(
                    "collection `{flow_id}` of `{client_id}` not found; flows(client_id='{client_id}') lists all"
                ));
            }
            Some(flow_id) => format!("rows in `{flow_id}`"),
        };
        let named = |name: &str| {
            if name.is_empty() {
                String::new()
            } else {
                format!(" for `{name}`")
            }
        };
        let others: Vec<&str> = sets.iter().map(|set| set.name.as_str()).take(20).collect();
        Ok(match others.as_slice() {
            [] => format!("no {of}{}", named(artifact)),
            others => format!("no {of}{}; available: {}", named(artifact), others.join(", ")),
        })
    }
}

/// `Artifact/Source`, whether the source was given separately or as part of the name.
pub(crate) fn full_name(artifact: String, source: String) -> String {
    if source.is_empty() || artifact.contains('/') {
        artifact
    } else {
        format!("{artifact}/{source}")
    }
}

/// A time bound: the argument, else the variable of that name.
fn bound(scope: &Scope, value: Option<Value>, name: &str) -> VqlResult<Option<Micros>> {
    let value = value.or_else(|| scope.get(name)).unwrap_or_default();
    moment(scope, &value.reduce(scope), name)
}

/// A time argument; NULL, zero and empty text mean no bound.
fn moment(scope: &Scope, value: &Value, name: &str) -> VqlResult<Option<Micros>> {
    let is_open = match value {
        Value::Null | Value::Int(0) => true,
        Value::Str(text) => text.is_empty(),
        _ => false,
    };
    if is_open {
        return Ok(None);
    }
    let time = time::to_time(scope, value)
        .ok_or_else(|| format!("{name} `{}` is not a time", value.to_text(scope)))?;
    Ok(Some(micros(time)))
}
