//! The process tree around one process.

use super::extract::{Params, Path, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use peregrine_api::processes::{ProcessFamily, ProcessTreeQuery};
use peregrine_services::{Error, flows};
use peregrine_store::{BadId, ClientId, FlowId};
use std::sync::Arc;

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<ClientId>,
    Params(wanted): Params<ProcessTreeQuery>,
) -> Answer<Json<ProcessFamily>> {
    let flow_id: FlowId = wanted
        .flow
        .parse()
        .map_err(|error: BadId| Error::BadRequest(format!("query string: flow: {error}")))?;
    let tree = flows::process_tree(&shared.core, &principal, &client_id, &flow_id, wanted.process);
    Ok(Json(tree.await?))
}
