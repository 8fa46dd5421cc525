//! Endpoints.

use super::extract::{Body, Params};
use crate::shared::Shared;
use crate::table::{SetSource, TableQuery, page};
use crate::users::{Permission, Principal};
use crate::{Error, Result, audit, clients, clock, flows, monitoring};
use axum::Json;
use axum::extract::{Path, State};
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
    principal: Principal,
    Params(list): Params<List>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let sort = match list.sort.as_deref() {
        None | Some("" | "hostname") => ClientSort::Hostname,
        Some("last_seen") => ClientSort::LastSeen,
        Some("first_seen") => ClientSort::FirstSeen,
        Some("os") => ClientSort::Os,
        Some(other) => return Err(Error::BadRequest(format!("cannot sort clients by `{other}`"))),
    };
    let query = ClientQuery {
        filter: clients::parse_search(&list.search),
        among: list
            .online
            .map(|online| (online, shared.gateway.connections.online())),
        sort,
        descending: list.desc.is_some_and(|text| text != "false"),
        offset: list.offset,
        limit: list.limit.unwrap_or(100).min(1000),
    };
    let found = shared.storage.database.clients(query).await?;
    let mut views = Vec::with_capacity(found.items.len());
    for client in found.items {
        views.push(clients::view(&shared, client).await?);
    }
    Ok(Json(json!({"total": found.total, "clients": views})))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path(client_id): Path<String>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let client = clients::get(&shared, &client_id).await?;
    Ok(Json(clients::view(&shared, client).await?))
}

pub(super) async fn interrogation(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path(client_id): Path<String>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let client = clients::get(&shared, &client_id).await?;
    let Some(flow_id) = client.last_interrogate_flow_id else {
        return Ok(Json(json!({"flow_id": null, "finished_at": null, "tables": []})));
    };
    let database = &shared.storage.database;
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
        let page = page(&shared.views, &source, &query, &[], true).await?;
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
    principal: Principal,
    Path(client_id): Path<String>,
    Body(labels): Body<Labels>,
) -> Result<Json<Value>> {
    principal.authorize(Permission::LabelClient)?;
    if labels.add.len() > 100
        || labels
            .add
            .iter()
            .any(|label| label.trim().is_empty() || label.len() > 200)
    {
        return Err(Error::BadRequest(
            "labels must not be empty and have at most 200 bytes; at most 100 at a time".into(),
        ));
    }
    clients::get(&shared, &client_id).await?;
    let changed = clock::now_ns();
    let client = shared
        .storage
        .database
        .set_labels(&client_id, &labels.add, &labels.remove, changed)
        .await?;
    for (operation, names) in [
        ("SetClientLabel", &labels.add),
        ("RemoveClientLabel", &labels.remove),
    ] {
        if !names.is_empty() {
            let detail = json!({"client_id": client_id, "labels": names});
            audit::record(&shared, &principal.name, &principal.ip, operation, detail).await?;
        }
    }
    monitoring::labels_changed(&shared, &client_id).await?;
    Ok(Json(clients::view(&shared, client).await?))
}

pub(super) async fn interrogate(
    State(shared): State<Arc<Shared>>,
    principal: Principal,
    Path(client_id): Path<String>,
) -> Result<Json<Value>> {
    let request = clients::interrogation_request();
    let flow_id = flows::create(&shared, &principal, &client_id, &request).await?;
    Ok(Json(json!({"flow_id": flow_id})))
}
