//! Hunts.

use super::extract::{Body, Params, Path, SignedIn};
use super::results::{columns_of, download};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use peregrine_api::hunts::{
    Hunt, HuntChange, HuntClientAdded, HuntClientPage, HuntClientsQuery, HuntCondition, HuntCreated,
    HuntDeleted, HuntDetail, HuntEstimate, HuntPage, HuntSources, HuntStop, HuntsQuery, NewHunt,
    NewHuntClient,
};
use peregrine_api::table::{ExportQuery, Facets, FacetsQuery, ResultsQuery, TablePage};
use peregrine_services::hunts::{self, Results};
use peregrine_services::table::{Filters, TableQuery};
use peregrine_services::{Error, Result};
use peregrine_store::HuntId;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(new): Body<NewHunt>,
) -> Answer<(StatusCode, Json<HuntCreated>)> {
    let hunt_id = hunts::create(&shared.core, &principal, &new).await?;
    Ok(created(hunt_id))
}

fn created(hunt_id: HuntId) -> (StatusCode, Json<HuntCreated>) {
    let hunt_id = hunt_id.into();
    (StatusCode::CREATED, Json(HuntCreated { hunt_id }))
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Params(query): Params<HuntsQuery>,
) -> Answer<Json<HuntPage>> {
    Ok(Json(hunts::list(&shared.core, &principal, query).await?))
}

pub(super) async fn estimate(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(condition): Body<HuntCondition>,
) -> Answer<Json<HuntEstimate>> {
    Ok(Json(hunts::estimate(&shared.core, &principal, &condition).await?))
}

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
) -> Answer<Json<HuntDetail>> {
    Ok(Json(hunts::show(&shared.core, &principal, &hunt_id).await?))
}

pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Body(change): Body<HuntChange>,
) -> Answer<Json<Hunt>> {
    Ok(Json(
        hunts::modify(&shared.core, &principal, &hunt_id, &change).await?,
    ))
}

pub(super) async fn stop(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Body(stop): Body<HuntStop>,
) -> Answer<Json<Hunt>> {
    let stopping = async move { hunts::stop(&shared.core, &principal, &hunt_id, stop.cancel).await };
    Ok(Json(to_the_end(stopping).await?))
}

pub(super) async fn copy(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
) -> Answer<(StatusCode, Json<HuntCreated>)> {
    Ok(created(hunts::copy(&shared.core, &principal, &hunt_id).await?))
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
) -> Answer<Json<HuntDeleted>> {
    let deleting = async move { hunts::delete(&shared.core, &principal, &hunt_id).await };
    Ok(Json(to_the_end(deleting).await?))
}

/// What takes long with a large hunt is done to the end, even if nobody waits for the answer any more.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(Error::Internal(error.to_string())))
}

pub(super) async fn clients(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Params(query): Params<HuntClientsQuery>,
) -> Answer<Json<HuntClientPage>> {
    Ok(Json(
        hunts::clients(&shared.core, &principal, &hunt_id, query).await?,
    ))
}

pub(super) async fn add_client(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Body(new): Body<NewHuntClient>,
) -> Answer<(StatusCode, Json<HuntClientAdded>)> {
    let core = &shared.core;
    let client_id = id(&new.client_id)?;
    let flow_id = match new.flow_id {
        Some(_) if new.relaunch => {
            let message = "give `flow_id` or `relaunch`, not both".to_owned();
            return Err(Error::BadRequest(message).into());
        }
        Some(flow_id) => {
            let flow_id = id(&flow_id)?;
            hunts::add_flow(core, &principal, &hunt_id, &client_id, &flow_id).await?;
            flow_id
        }
        None if new.relaunch => hunts::relaunch(core, &principal, &hunt_id, &client_id).await?,
        None => hunts::add_client(core, &principal, &hunt_id, &client_id).await?,
    };
    let flow_id = flow_id.into();
    Ok((StatusCode::CREATED, Json(HuntClientAdded { flow_id })))
}

fn id<T: FromStr<Err: Display>>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|error: T::Err| Error::BadRequest(error.to_string()))
}

pub(super) async fn sources(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
) -> Answer<Json<HuntSources>> {
    Ok(Json(hunts::sources(&shared.core, &principal, &hunt_id).await?))
}

fn table<'a>(hunt_id: &'a HuntId, source: &'a Option<String>) -> Results<'a> {
    Results {
        hunt_id,
        source: source.as_deref().unwrap_or_default(),
    }
}

pub(super) async fn rows(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Params(mut wanted): Params<ResultsQuery>,
) -> Answer<Json<TablePage>> {
    let source = wanted.source.take();
    let query = TableQuery::check(wanted.table())?;
    let table = table(&hunt_id, &source);
    Ok(Json(table.page(&shared.core, &principal, &query).await?))
}

pub(super) async fn facets(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Params(wanted): Params<FacetsQuery>,
) -> Answer<Json<Facets>> {
    let filters = Filters::parse(wanted.filter.as_deref().unwrap_or_default())?;
    let table = table(&hunt_id, &wanted.source);
    let facets = table.facets(&shared.core, &principal, &wanted.column, filters);
    Ok(Json(facets.await?))
}

pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(hunt_id): Path<HuntId>,
    Params(wanted): Params<ExportQuery>,
) -> Answer<Response> {
    let filters = Filters::parse(wanted.filter.as_deref().unwrap_or_default())?;
    let (format, columns) = (wanted.format, columns_of(wanted.columns));
    let table = table(&hunt_id, &wanted.source);
    let exported = table.export(&shared.core, &principal, format, columns, filters);
    Ok(download(exported.await?, format))
}
