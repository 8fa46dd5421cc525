//! The user on whose behalf a program calls.

use crate::error::{Answer, Refusal};
use crate::gateway::Visitor;
use crate::shared::{Shared, peer_address};
use axum::extract::FromRequestParts;
use http::request::Parts;
use peregrine_services::clock;
use peregrine_services::users::{self, Permission, Principal};
use peregrine_wire::pki::Holder;
use std::convert::Infallible;
use std::sync::Arc;

/// Who has opened the connection on which a call comes.
#[derive(Clone)]
pub(super) struct Caller {
    /// Verified when the connection was made.
    holder: Option<Arc<Holder>>,
    visitor: Option<Arc<Visitor>>,
    ip: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Infallible> {
        Ok(Caller {
            holder: parts.extensions.get().cloned(),
            visitor: parts.extensions.get().cloned(),
            ip: peer_address(parts, ""),
        })
    }
}

impl Caller {
    /// The user as stored now. A certificate that expires during a long connection counts no longer.
    pub(super) async fn identify(&self, shared: &Shared) -> Answer<Principal> {
        let holder = self
            .holder
            .as_ref()
            .ok_or_else(|| Refusal::Certificate("the certificate has no common name".to_owned()))?;
        if clock::now() / 1_000_000 > holder.not_after {
            let expired = format!(
                "the certificate of `{}` has expired; an administrator makes a new one",
                holder.name
            );
            return Err(Refusal::Certificate(expired));
        }
        let principal = users::named(&shared.core, &holder.name, self.ip.clone()).await?;
        if !principal.permissions.is_empty()
            && let Some(visitor) = &self.visitor
        {
            visitor.prove();
        }
        Ok(principal)
    }

    /// Whether the user may still ask queries; true if that cannot be found out now.
    pub(super) async fn still_may_query(&self, shared: &Shared) -> bool {
        match self.identify(shared).await {
            Ok(principal) => principal.permissions.contains(&Permission::AnyQuery),
            Err(Refusal::Service(_)) => true,
            Err(_) => false,
        }
    }
}
