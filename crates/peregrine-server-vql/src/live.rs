//! Access of queries to a running server.

use std::future::Future;
use std::sync::Arc;

use peregrine_artifacts::Error as ArtifactError;
use peregrine_engine::context::Access;
use peregrine_engine::prelude::*;
use peregrine_services::users::Principal;
use peregrine_services::{Core, Error, Result};

use crate::run::Queries;

/// A running server and the user on whose behalf a query acts there, as an extension of the query's context. Functions that
/// change a server need it, also those that read what only a running server has.
pub struct Live {
    pub(crate) queries: Arc<Queries>,
    pub(crate) core: Arc<Core>,
    pub(crate) principal: Principal,
}

impl Live {
    /// The server that runs these queries.
    #[must_use]
    pub fn new(queries: Arc<Queries>, principal: Principal) -> Live {
        Live {
            core: Arc::clone(&queries.core),
            queries,
            principal,
        }
    }

    /// The extension, if the query has one. Services check the permissions of the user.
    pub(crate) fn of(scope: &Scope) -> VqlResult<Arc<Live>> {
        scope
            .extension::<Live>()
            .ok_or_else(|| "Command can only run on the server".into())
    }

    /// Blocks until the service has answered.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = Result<T>>) -> VqlResult<T> {
        let answer = self.queries.runtime.block_on(answer);
        answer.map_err(|error| VqlError::Message(self.message(error)))
    }

    /// For what no service checks: fails if the user lacks the permission.
    pub(crate) fn authorize(&self, permission: Permission) -> VqlResult<()> {
        let checked = self.principal.authorize(permission);
        checked.map_err(|error| VqlError::Message(self.message(error)))
    }

    /// Artifacts look for the word that a missing permission has everywhere in VQL.
    fn message(&self, error: Error) -> String {
        match error {
            Error::Forbidden(permission) => denied(&self.principal, permission),
            Error::Artifact {
                error: error @ ArtifactError::Denied { .. },
                ..
            } => format!("PERMISSION_DENIED: {error}"),
            error => error.to_string(),
        }
    }
}

/// What a user's query may do: what the user may do.
pub struct UserAccess(pub Principal);

impl Access for UserAccess {
    fn check(&self, permission: Permission) -> std::result::Result<(), String> {
        self.0
            .authorize(permission)
            .map_err(|_| denied(&self.0, permission))
    }
}

fn denied(principal: &Principal, permission: Permission) -> String {
    format!(
        "PERMISSION_DENIED: the user `{}` lacks {permission}",
        principal.name
    )
}
