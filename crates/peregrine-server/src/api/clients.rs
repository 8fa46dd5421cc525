//! Endpoints.

use super::extract::{Body, Params, Path, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use peregrine_api::clients::{
    Client, ClientPage, ClientsQuery, Interrogation, LabelChange, Suggestions, SuggestionsQuery,
};
use peregrine_api::flows::FlowStarted;
use peregrine_services::clients::Words;
use peregrine_services::users::Permission;
use peregrine_services::{Error, clients};
use peregrine_store::{ClientId, ClientQuery, ClientSort};
use std::sync::Arc;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(list): Params<ClientsQuery>,
) -> Answer<Json<ClientPage>> {
    let sort = match list.sort.as_deref() {
        None | Some("") => None,
        Some("hostname") => Some(ClientSort::Hostname),
        Some("last_seen") => Some(ClientSort::LastSeen),
        Some("first_seen") => Some(ClientSort::FirstSeen),
        Some("os") => Some(ClientSort::Os),
        Some(other) => return Err(Error::BadRequest(format!("cannot sort clients by `{other}`")).into()),
    };
    let text = list.search.as_deref().unwrap_or_default();
    let database = &*shared.core.storage.database;
    let query = ClientQuery {
        filter: clients::search_filter(database, Some(&principal.name), text, Words::Anything).await?,
        online: list.online,
        sort,
        descending: list.desc.is_some_and(|text| text != "false"),
        offset: list.offset.unwrap_or(0),
        limit: list.limit.unwrap_or(100).min(1000),
    };
    Ok(Json(clients::list(&shared.core, &principal, query).await?))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
) -> Answer<Json<Client>> {
    let client = clients::open(&shared.core, &principal, &client_id).await?;
    Ok(Json(clients::view(&shared.core, client).await?))
}

pub(super) async fn suggestions(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(wanted): Params<SuggestionsQuery>,
) -> Answer<Json<Suggestions>> {
    let text = wanted.search.as_deref().unwrap_or_default();
    let limit = wanted.limit.unwrap_or(10).min(100);
    principal.authorize(Permission::ReadResults)?;
    let suggestions = clients::suggestions(&*shared.core.storage.database, text, limit).await?;
    Ok(Json(Suggestions { suggestions }))
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
) -> Answer<StatusCode> {
    clients::delete(&shared.core, &principal, &client_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn kill(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
) -> Answer<StatusCode> {
    clients::kill(&shared.core, &principal, &client_id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn interrogation(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
) -> Answer<Json<Interrogation>> {
    Ok(Json(
        clients::interrogation(&shared.core, &principal, &client_id).await?,
    ))
}

pub(super) async fn labels(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
    Body(labels): Body<LabelChange>,
) -> Answer<Json<Client>> {
    let client =
        clients::change_labels(&shared.core, &principal, &client_id, &labels.add, &labels.remove).await?;
    Ok(Json(clients::view(&shared.core, client).await?))
}

pub(super) async fn interrogate(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
) -> Answer<Json<FlowStarted>> {
    let flow_id = clients::interrogate(&shared.core, &principal, &client_id).await?;
    Ok(Json(FlowStarted {
        flow_id: flow_id.into(),
    }))
}
