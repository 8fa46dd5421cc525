//! Collections that users keep to start them again: each has its own, and nobody sees those of others.

use super::Principal;
use crate::{Core, Error, Result};
use peregrine_api::favorites::Favorite;
use peregrine_api::flows::ArtifactSpec;
use peregrine_artifacts::Kind;
use peregrine_store::Favorite as Stored;

/// Favourites of a user, and bytes of the parts of one.
const MAX_FAVORITES: u64 = 500;
const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 2000;
const MAX_SPEC: usize = 64 << 10;

/// Those of the user, by type and name.
pub async fn list(core: &Core, principal: &Principal) -> Result<Vec<Favorite>> {
    let stored = core.storage.database.favorites(&principal.name).await?;
    stored.into_iter().map(to_api).collect()
}

/// Keeps one, in place of one of the same type and name. Its artifacts need not exist: they are looked at when they are
/// collected.
pub async fn save(core: &Core, principal: &Principal, favorite: Favorite) -> Result<Favorite> {
    let favorite = Favorite {
        name: favorite.name.trim().to_owned(),
        r#type: type_name(&favorite.r#type)?,
        ..favorite
    };
    check(&favorite)?;
    let specs = serde_json::to_string(&favorite.spec).map_err(|error| Error::Internal(error.to_string()))?;
    if specs.len() > MAX_SPEC {
        return Err(Error::TooLarge(format!(
            "the artifacts and parameters of a favourite may have {MAX_SPEC} bytes; these have {}",
            specs.len()
        )));
    }
    let stored = Stored {
        r#type: favorite.r#type.clone(),
        name: favorite.name.clone(),
        description: favorite.description.clone(),
        specs,
    };
    let database = &core.storage.database;
    if !database
        .put_favorite(&principal.name, stored, MAX_FAVORITES)
        .await?
    {
        return Err(Error::TooLarge(format!(
            "you have {MAX_FAVORITES} favourites; delete one first"
        )));
    }
    Ok(favorite)
}

/// Deletes one, or fails with [`Error::NotFound`].
pub async fn delete(core: &Core, principal: &Principal, r#type: &str, name: &str) -> Result<()> {
    let (r#type, name) = (type_name(r#type)?, name.trim());
    let database = &core.storage.database;
    match database.delete_favorite(&principal.name, &r#type, name).await? {
        true => Ok(()),
        false => Err(Error::NotFound("favourite", name.to_owned())),
    }
}

/// The type as definitions have it.
fn type_name(given: &str) -> Result<String> {
    match Kind::parse(given) {
        Some(kind @ (Kind::Client | Kind::ClientEvent | Kind::Server | Kind::ServerEvent)) => {
            Ok(kind.as_str().to_uppercase())
        }
        _ => Err(Error::BadRequest(format!(
            "the type of a favourite is CLIENT, CLIENT_EVENT, SERVER or SERVER_EVENT, not `{given}`"
        ))),
    }
}

fn check(favorite: &Favorite) -> Result<()> {
    let Favorite {
        name,
        description,
        spec,
        ..
    } = favorite;
    let wrong = if name.is_empty() || name.len() > MAX_NAME {
        format!("the name of a favourite must not be empty and may have {MAX_NAME} bytes")
    } else if description.len() > MAX_DESCRIPTION {
        format!("the description of a favourite may have {MAX_DESCRIPTION} bytes")
    } else if spec.is_empty() || spec.iter().any(|spec| spec.artifact.trim().is_empty()) {
        "a favourite needs at least one artifact, and all need a name".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::BadRequest(wrong))
}

fn to_api(stored: Stored) -> Result<Favorite> {
    let spec: serde_json::Result<Vec<ArtifactSpec>> = serde_json::from_str(&stored.specs);
    Ok(Favorite {
        spec: spec
            .map_err(|error| Error::Internal(format!("stored favourite `{}`: {error}", stored.name)))?,
        name: stored.name,
        description: stored.description,
        r#type: stored.r#type,
    })
}
