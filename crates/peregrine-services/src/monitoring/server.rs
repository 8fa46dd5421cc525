//! Server monitoring: which event queries run on the server.

use super::artifacts::put;
use super::compile;
use super::table::{OF_SERVER, change, load};
use crate::users::Principal;
use crate::{Core, Error, Result, launch};
use peregrine_api::flows::ArtifactSpec;
use peregrine_api::monitoring as api;
use peregrine_artifacts::{CompiledRequest, Target};

/// The artifacts that run, with the values of redacted parameters hidden.
pub async fn get(core: &Core) -> Result<api::ServerMonitoring> {
    let table = load(core, &OF_SERVER, &core.settings.server_monitoring).await?;
    Ok(shown(table.redacted(core)?.view()))
}

/// Checks and stores which artifacts run from now on.
pub async fn set(
    core: &Core,
    principal: &Principal,
    wanted: &api::ServerMonitoring,
) -> Result<api::ServerMonitoring> {
    let specs = launch::specs(&wanted.artifacts);
    let changed = change(core, principal, &OF_SERVER, |old| {
        let mut table = old.clone();
        table.artifacts.clone_from(&specs);
        Ok(table)
    });
    Ok(shown(changed.await?))
}

/// Adds an artifact, or replaces it.
pub async fn put_artifact(
    core: &Core,
    principal: &Principal,
    spec: &ArtifactSpec,
) -> Result<api::ServerMonitoring> {
    let specs = launch::specs(std::slice::from_ref(spec));
    let changed = change(core, principal, &OF_SERVER, |old| {
        let mut table = old.clone();
        put(&mut table.artifacts, &specs);
        Ok(table)
    });
    Ok(shown(changed.await?))
}

/// Removes an artifact.
pub async fn remove_artifact(
    core: &Core,
    principal: &Principal,
    artifact: &str,
) -> Result<api::ServerMonitoring> {
    let changed = change(core, principal, &OF_SERVER, |old| {
        let mut table = old.clone();
        table.artifacts.retain(|spec| spec.artifact != artifact);
        if table == *old {
            return Err(Error::NotFound("event artifact", artifact.to_owned()));
        }
        Ok(table)
    });
    Ok(shown(changed.await?))
}

fn shown(table: api::MonitoringTable) -> api::ServerMonitoring {
    api::ServerMonitoring {
        artifacts: table.artifacts,
    }
}

/// An event query that runs on the server.
#[derive(Debug, Clone, PartialEq)]
pub struct EventQuery {
    /// The artifact as it stands in the table.
    pub artifact: String,
    pub request: CompiledRequest,
}

/// What must run: the queries, and for each artifact that can not be compiled its name and why.
pub async fn queries(core: &Core) -> Result<(Vec<EventQuery>, Vec<(String, Error)>)> {
    let table = load(core, &OF_SERVER, &core.settings.server_monitoring).await?;
    let (mut queries, mut refused) = (Vec::new(), Vec::new());
    for spec in &table.artifacts {
        match compile(core, spec, Target::ServerEvents).await {
            Ok(requests) => queries.extend(requests.into_iter().map(|request| EventQuery {
                artifact: spec.artifact.clone(),
                request,
            })),
            Err(error) => refused.push((spec.artifact.clone(), error)),
        }
    }
    Ok((queries, refused))
}
