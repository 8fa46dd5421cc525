//! The process tree around one process.

use super::extract::{Params, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::{Path, State};
use peregrine_api::processes::{ProcessFamily, ProcessTreeQuery};
use peregrine_services::flows;
use std::sync::Arc;

pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path(client_id): Path<String>,
    Params(wanted): Params<ProcessTreeQuery>,
) -> Answer<Json<ProcessFamily>> {
    let process = wanted.process;
    let tree = flows::process_tree(&shared.core, &principal, &client_id, &wanted.flow, process);
    Ok(Json(tree.await?))
}
