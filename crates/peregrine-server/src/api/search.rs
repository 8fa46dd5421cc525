//! One search over everything, for the command palette.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_services::users::Permission;
use peregrine_services::{clients, flows};
use peregrine_store::{ClientQuery, FlowQuery};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
    limit: Option<u64>,
}

pub(super) async fn search(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(search): Params<Search>,
) -> Answer<Json<Value>> {
    principal.authorize(Permission::ReadResults)?;
    let limit = search.limit.unwrap_or(20).min(100);
    let database = &shared.core.storage.database;
    let query = ClientQuery {
        filter: clients::parse_search(&search.q),
        limit,
        ..ClientQuery::default()
    };
    let found = database.clients(query).await?.items;
    let client_views: Vec<Value> = found
        .into_iter()
        .map(|client| {
            let online = shared.core.presence.seen(&client.client_id).is_some();
            json!({"client_id": client.client_id, "hostname": client.facts.hostname, "online": online})
        })
        .collect();
    let words = search.q.to_lowercase();
    let artifacts = shared.core.artifacts.search("");
    let mut named: Vec<_> = artifacts
        .iter()
        .filter(|artifact| artifact.name.to_lowercase().contains(&words))
        .collect();
    // Names that begin with the words come first, then short ones.
    named.sort_by_key(|artifact| {
        (
            !artifact.name.to_lowercase().starts_with(&words),
            artifact.name.len(),
        )
    });
    let artifact_views: Vec<Value> = named
        .into_iter()
        .take(usize::try_from(limit).unwrap_or(20))
        .map(|artifact| {
            let description = artifact.description.lines().next().unwrap_or_default();
            json!({"name": artifact.name, "type": artifact.kind.as_str(), "description": description})
        })
        .collect();
    let text = Some(search.q).filter(|text| !text.is_empty());
    let query = FlowQuery {
        search: text,
        descending: true,
        limit,
        ..FlowQuery::default()
    };
    let found_flows = database.flows(query).await?.items;
    let flow_views = flows::views(&shared.core, &found_flows).await?;
    Ok(Json(
        json!({"clients": client_views, "artifacts": artifact_views, "flows": flow_views}),
    ))
}
