//! One search over everything, for the command palette.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_api::search::{FoundArtifact, FoundClient, SearchAnswer, SearchQuery};
use peregrine_services::clients::Words;
use peregrine_services::users::Permission;
use peregrine_services::{Error, clients, flows};
use peregrine_store::{ClientQuery, FlowQuery};
use std::sync::Arc;

pub(super) async fn search(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(wanted): Params<SearchQuery>,
) -> Answer<Json<SearchAnswer>> {
    principal.authorize(Permission::ReadResults)?;
    let limit = wanted.limit.unwrap_or(20).min(100);
    let database = &shared.core.storage.database;
    let text = wanted.q.unwrap_or_default();
    // Words of artifacts and collections need not be searches for clients.
    let filter = clients::search_filter(&**database, Some(&principal.name), &text, Words::Anything);
    let found = match filter.await {
        Ok(filter) => {
            let query = ClientQuery {
                filter,
                limit,
                ..ClientQuery::default()
            };
            database.clients(query).await?.items
        }
        Err(Error::BadRequest(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let found_clients = found
        .into_iter()
        .map(|client| FoundClient {
            online: client.held.is_some(),
            client_id: client.client_id.into(),
            hostname: client.facts.hostname,
        })
        .collect();
    let words = text.to_lowercase();
    let artifacts = shared.core.artifacts.search("");
    let mut named: Vec<_> = artifacts
        .iter()
        .filter(|artifact| artifact.name.to_lowercase().contains(&words))
        .collect();
    // Names that start with the search text come first, then shorter ones.
    named.sort_by_key(|artifact| {
        (
            !artifact.name.to_lowercase().starts_with(&words),
            artifact.name.len(),
        )
    });
    let found_artifacts = named
        .into_iter()
        .take(usize::try_from(limit).unwrap_or(20))
        .map(|artifact| FoundArtifact {
            name: artifact.name.clone(),
            r#type: artifact.kind.as_str().to_owned(),
            description: artifact.description.lines().next().unwrap_or_default().to_owned(),
        })
        .collect();
    let query = FlowQuery {
        search: Some(text).filter(|text| !text.is_empty()),
        descending: true,
        limit,
        ..FlowQuery::default()
    };
    let found_flows = database.flows(query).await?.items;
    Ok(Json(SearchAnswer {
        clients: found_clients,
        artifacts: found_artifacts,
        flows: flows::views(&shared.core, &found_flows).await?,
    }))
}
