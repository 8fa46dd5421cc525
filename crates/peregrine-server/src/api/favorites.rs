//! Collections that users keep to start them again.

use super::extract::{Body, Path, SignedIn};
use crate::error::Answer;
use crate::shared::Shared;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use peregrine_api::favorites::{Favorite, FavoriteList};
use peregrine_services::users::favorites;
use std::sync::Arc;

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Json<FavoriteList>> {
    let favorites = favorites::list(&shared.core, &principal).await?;
    Ok(Json(FavoriteList { favorites }))
}

pub(super) async fn save(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(favorite): Body<Favorite>,
) -> Answer<Json<Favorite>> {
    Ok(Json(favorites::save(&shared.core, &principal, favorite).await?))
}

pub(super) async fn delete(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Path((r#type, name)): Path<(String, String)>,
) -> Answer<StatusCode> {
    favorites::delete(&shared.core, &principal, &r#type, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
