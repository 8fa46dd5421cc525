//! Endpoints.

use super::extract::{Body, Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use peregrine_services::table::{SetSource, TableQuery, page};
use peregrine_services::users::Permission;
use peregrine_services::{Error, clients, clock, flows};
use peregrine_store::{ClientQuery, ClientSort, SetKind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Rows shown of each answer of an interrogation.
const INTERROGATION_ROWS: u64 = 100;

#[derive(Deserialize)]
pub(super) struct List {
    #[serde(default)]
    search: String,
    online: Option<bool>,
    sort: Option<String>,
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    offset: u64,
    limit: Option<u64>,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(list): Params<List>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let sort = match list.sort.as_deref() {
        None | Some("" | "hostname") => ClientSort::Hostname,
        Some("last_seen") => ClientSort::LastSeen,
        Some("first_seen") => ClientSort::FirstSeen,
        Some("os") => ClientSort::Os,
        Some(other) => return Err(Error::BadRequest(format!("cannot sort clients by `{other}`")).into()),
    };
    let query = ClientQuery {
        filter: clients::parse_search(&list.search),
        among: list.online.map(|online| (online, shared.core.presence.online())),
        sort,
        descending: list.desc.is_some_and(|text| text != "false"),
        offset: list.offset,
        limit: list.limit.unwrap_or(100).min(1000),
    };
    let found = shared.core.storage.database.clients(query).await?;
    let mut views = Vec::with_capacity(found.items.len());
    for client in found.items {
        views.push(clients::view(&shared.core, client).await?);
    }
    Ok(Json(json!({"total": found.total, "clients": views})))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let client = clients::get(&shared.core, &client_id).await?;
    Ok(Json(clients::view(&shared.core, client).await?))
}

pub(super) async fn interrogation(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let client = clients::get(&shared.core, &client_id).await?;
    let Some(flow_id) = client.last_interrogate_flow_id else {
        return Ok(Json(json!({"flow_id": null, "finished_at": null, "tables": []})));
    };
    let database = &shared.core.storage.database;
    let flow = database.flow(&client_id, &flow_id).await?;
    let query = TableQuery {
        limit: INTERROGATION_ROWS,
        ..TableQuery::default()
    };
    let mut tables = Vec::new();
    for set in database
        .result_sets(&client_id, &flow_id)
        .await?
        .iter()
        .filter(|set| set.kind == SetKind::Rows)
    {
        let source = SetSource::new(database.clone(), set);
        let page = page(&shared.core, &source, &query, &[], true).await?;
        let mut table = serde_json::to_value(page).map_err(|error| Error::Internal(error.to_string()))?;
        table["name"] = json!(set.name);
        tables.push(table);
    }
    let finished = flow.and_then(|flow| flow.finished).map(clock::show);
    Ok(Json(
        json!({"flow_id": flow_id, "finished_at": finished, "tables": tables}),
    ))
}

#[derive(Deserialize)]
pub(super) struct Labels {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

pub(super) async fn labels(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
    Body(labels): Body<Labels>,
) -> Answer<Json<Value>> {
    let client =
        clients::change_labels(&shared.core, &principal, &client_id, &labels.add, &labels.remove).await?;
    Ok(Json(clients::view(&shared.core, client).await?))
}

pub(super) async fn interrogate(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
) -> Answer<Json<Value>> {
    let request = clients::interrogation_request();
    let flow_id = flows::create(&shared.core, &principal, &client_id, &request).await?;
    Ok(Json(json!({"flow_id": flow_id})))
}
