//! Selects stored rows by arguments, or by variables of the scope where arguments are left out.

use std::sync::Arc;

use peregrine_base::ids::MONITORING;
use peregrine_engine::prelude::*;
use peregrine_engine::time;
use peregrine_services::audit;
use peregrine_services::events::permission_to_read;
use peregrine_services::table::{AuditSource, HuntRows, SetSource};
use peregrine_store::{ClientId, FlowId, HuntId, Micros, ResultSet, SetKind};

use crate::args::{WhichEvents, WhichRows, id};
use crate::records::micros;
use crate::rows::StoredRows;
use crate::{Stored, hunt_records};

/// A selection of stored rows.
#[derive(Debug)]
pub(crate) struct Selection {
    of: Of,
    /// `Artifact` or `Artifact/Source`; if empty, the first one with rows, or the first one of the hunt.
    artifact: String,
    /// Bounds of events.
    start: Option<Micros>,
    end: Option<Micros>,
}

/// What the rows belong to.
#[derive(Debug)]
enum Of {
    Collection(ClientId, FlowId),
    Events(ClientId),
    /// With a client, only its rows.
    Hunt(HuntId, Option<ClientId>),
}

/// Rows that are numbered together, and the variables that select them.
pub(crate) struct Part {
    pub(crate) hunt_id: String,
    pub(crate) client_id: ClientId,
    pub(crate) flow_id: Option<FlowId>,
    pub(crate) artifact: String,
    pub(crate) rows: u64,
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
        let notebook = or_scope(notebook, "NotebookId");
        if !notebook.is_empty() {
            return Err(format!("this server has no notebooks, and so no rows of `{notebook}`").into());
        }
        Ok(Selection {
            of: Of::new(scope, given.hunt_id, given.client_id, given.flow_id)?,
            artifact: full_name(
                or_scope(given.artifact, "ArtifactName"),
                given.source.unwrap_or_default(),
            ),
            start: bound(scope, start, "StartTime")?,
            end: bound(scope, end, "EndTime")?,
        })
    }

    /// Rows of all clients of a hunt.
    pub(crate) fn of_hunt(hunt_id: HuntId, artifact: String) -> Selection {
        Selection {
            of: Of::Hunt(hunt_id, None),
            artifact,
            start: None,
            end: None,
        }
    }

    /// Rows or logs of a collection.
    pub(crate) fn of_flow(client_id: &str, flow_id: &str, artifact: String) -> VqlResult<Selection> {
        Ok(Selection {
            of: Of::Collection(id(client_id)?, id(flow_id)?),
            artifact,
            start: None,
            end: None,
        })
    }

    /// Selects events of a client. Of the scope only `StartTime` and `EndTime` count.
    pub(crate) fn events(scope: &Scope, given: WhichEvents) -> VqlResult<Selection> {
        Ok(Selection {
            of: Of::Events(id(&given.client_id)?),
            artifact: full_name(given.artifact, given.source.unwrap_or_default()),
            start: bound(scope, given.start_time, "StartTime")?,
            end: bound(scope, given.end_time, "EndTime")?,
        })
    }

    /// Whether the rows are those of a hunt.
    pub(crate) fn is_of_hunt(&self) -> bool {
        matches!(self.of, Of::Hunt(..))
    }

    /// The rows.
    pub(crate) fn rows(&self, scope: &Scope, stored: &Arc<Stored>) -> VqlResult<StoredRows> {
        let (hunt_id, client_id) = match &self.of {
            Of::Events(_) => return self.rows_of(scope, stored, SetKind::Events),
            Of::Collection(..) => return self.rows_of(scope, stored, SetKind::Rows),
            Of::Hunt(hunt_id, client_id) => (hunt_id, client_id),
        };
        let source = self.source_of_hunt(stored, hunt_id)?;
        let database = Arc::clone(&stored.database);
        let rows = match client_id {
            None => stored.wait(HuntRows::open(database, hunt_id, &source)),
            Some(client_id) => stored.wait(HuntRows::of_client(database, hunt_id, client_id, &source)),
        };
        Ok(StoredRows::of_hunt(stored, rows?))
    }

    /// What the rows consist of, so that slices of it stay the same while more rows come: of a hunt, each collection is a part.
    pub(crate) fn parts(&self, scope: &Scope, stored: &Arc<Stored>) -> VqlResult<Vec<Part>> {
        let (client_id, flow_id) = match &self.of {
            Of::Events(client_id) => (client_id, None),
            Of::Collection(client_id, flow_id) => (client_id, Some(flow_id.clone())),
            Of::Hunt(hunt_id, client_id) => return self.parts_of_hunt(stored, hunt_id, client_id.as_ref()),
        };
        Ok(vec![Part {
            hunt_id: String::new(),
            client_id: client_id.clone(),
            flow_id,
            artifact: self.artifact.clone(),
            rows: self.rows(scope, stored)?.count(),
        }])
    }

    fn parts_of_hunt(
        &self,
        stored: &Arc<Stored>,
        hunt_id: &HuntId,
        client_id: Option<&ClientId>,
    ) -> VqlResult<Vec<Part>> {
        let source = self.source_of_hunt(stored, hunt_id)?;
        let sets = stored.wait(stored.database.hunt_sets(hunt_id, &source))?;
        let sets = sets
            .into_iter()
            .filter(|set| client_id.is_none_or(|only| set.client_id == *only));
        let parts = sets.map(|set| Part {
            hunt_id: hunt_id.to_string(),
            rows: set.end_row.saturating_sub(set.first_row),
            client_id: set.client_id,
            flow_id: Some(set.flow_id),
            artifact: source.clone(),
        });
        Ok(parts.collect())
    }

    /// The table of the hunt: one that it can have, or that a collection has which was added to it by hand.
    fn source_of_hunt(&self, stored: &Stored, hunt_id: &HuntId) -> VqlResult<String> {
        let mut sources = hunt_records::find(stored, hunt_id)?.sources;
        if self.artifact.is_empty() {
            let first = sources.into_iter().next();
            return first.ok_or_else(|| format!("hunt `{hunt_id}` has no tables").into());
        }
        if !sources.contains(&self.artifact) {
            let found = stored.wait(stored.database.hunt_sources(hunt_id))?;
            sources.extend(found.into_iter().map(|source| source.name));
        }
        if sources.contains(&self.artifact) {
            return Ok(self.artifact.clone());
        }
        let names: Vec<&str> = sources.iter().map(String::as_str).collect();
        Err(nothing(&format!("rows in `{hunt_id}`"), &self.artifact, &names).into())
    }

    /// Whether these are the events of the server that are lines of its audit log.
    fn is_of_audit_log(&self) -> bool {
        matches!(&self.of, Of::Events(client_id) if client_id.is_server()) && self.artifact == audit::QUEUE
    }

    /// The rows of one kind, of a collection or of events.
    pub(crate) fn rows_of(
        &self,
        scope: &Scope,
        stored: &Arc<Stored>,
        kind: SetKind,
    ) -> VqlResult<StoredRows> {
        if self.is_of_audit_log() && kind == SetKind::Events {
            scope.check_access(permission_to_read(audit::QUEUE))?;
            let log = AuditSource::events(Arc::clone(&stored.database), (self.start, self.end));
            return Ok(StoredRows::of_audit(stored, stored.wait(log)?));
        }
        let sets = match &self.of {
            Of::Events(client_id) => stored.wait(stored.database.event_sets(client_id))?,
            Of::Collection(client_id, flow_id) => {
                stored.wait(stored.database.result_sets(client_id, flow_id))?
            }
            Of::Hunt(..) => Vec::new(),
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
        if matches!(self.of, Of::Events(_)) && (self.start.is_some() || self.end.is_some()) {
            let range = stored.wait(stored.database.row_range(set.id, self.start, self.end))?;
            return Ok(StoredRows::of(stored, source.within(range)));
        }
        Ok(StoredRows::of(stored, source))
    }

    /// The message if nothing was found: what does not exist, and what does instead.
    fn nothing(&self, stored: &Stored, sets: &[ResultSet]) -> VqlResult<String> {
        let (client_id, of) = match &self.of {
            Of::Events(client_id) => (client_id, format!("events of `{client_id}`")),
            Of::Collection(client_id, flow_id) => (client_id, format!("rows in `{flow_id}`")),
            Of::Hunt(hunt_id, _) => return Ok(format!("no rows in `{hunt_id}`")),
        };
        if !client_id.is_server() && stored.wait(stored.database.client(client_id))?.is_none() {
            return Ok(format!("machine `{client_id}` not found; clients() lists all"));
        }
        if let Of::Collection(_, flow_id) = &self.of
            && stored.wait(stored.database.flow(client_id, flow_id))?.is_none()
        {
            return Ok(format!(
                "collection `{flow_id}` of `{client_id}` not found; flows(client_id='{client_id}') lists all"
            ));
        }
        let others: Vec<&str> = sets.iter().map(|set| set.name.as_str()).collect();
        Ok(nothing(&of, &self.artifact, &others))
    }
}

impl Of {
    /// By the arguments, else by the variables of the scope.
    fn new(
        scope: &Scope,
        hunt_id: Option<String>,
        client_id: Option<String>,
        flow_id: Option<String>,
    ) -> VqlResult<Of> {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let variable = |name: &str| given(scope.get_text(name));
        let (hunt_id, client_id, flow_id) = (given(hunt_id), given(client_id), given(flow_id));
        if let Some(hunt_id) = hunt_id {
            // Variables say what else the scope is about.
            let only = client_id.as_deref().map(id).transpose()?;
            return Ok(Of::Hunt(id(&hunt_id)?, only));
        }
        if client_id.is_none()
            && flow_id.is_none()
            && let Some(hunt_id) = variable("HuntId")
        {
            // Both are there in a slice of `parallelize()`, and where a query goes through the rows of `hunt_flows()`.
            let only = variable("FlowId").and_then(|_| variable("ClientId"));
            return Ok(Of::Hunt(id(&hunt_id)?, only.as_deref().map(id).transpose()?));
        }
        let client_id = client_id
            .or_else(|| variable("ClientId"))
            .ok_or("Field client_id is required: no argument, and no variable ClientId")?;
        let client_id = id(&client_id)?;
        Ok(match flow_id.or_else(|| variable("FlowId")).as_deref() {
            None | Some(MONITORING) => Of::Events(client_id),
            Some(flow_id) => Of::Collection(client_id, id(flow_id)?),
        })
    }
}

/// That there is nothing of this artifact, and what there is instead.
fn nothing(of: &str, artifact: &str, others: &[&str]) -> String {
    let named = match artifact {
        "" => String::new(),
        artifact => format!(" for `{artifact}`"),
    };
    let others: Vec<&str> = others.iter().copied().take(20).collect();
    match others.as_slice() {
        [] => format!("no {of}{named}"),
        others => format!("no {of}{named}; available: {}", others.join(", ")),
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
pub(crate) fn moment(scope: &Scope, value: &Value, name: &str) -> VqlResult<Option<Micros>> {
    let is_open = match value {
        Value::Null | Value::Int(0) => true,
        Value::Str(text) => text.is_empty(),
        // A parameter of type timestamp that was left empty.
        Value::Time(time) => time.is_zero(),
        _ => false,
    };
    if is_open {
        return Ok(None);
    }
    let time = time::to_time(scope, value)
        .ok_or_else(|| format!("{name} `{}` is not a time", value.to_text(scope)))?;
    Ok(Some(micros(time)))
}
