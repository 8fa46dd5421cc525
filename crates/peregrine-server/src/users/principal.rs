//! Who makes a request, and the seam every handler asks: [`Principal::authorize`].

use super::{COOKIE, Permission, permissions_of, sessions, token_hash};
use crate::gateway::Visitor;
use crate::shared::{Shared, peer_address};
use crate::{Error, Result};
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, Method, header};
use std::collections::BTreeSet;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// A signed-in user. Taking it as a handler's argument already refuses others, and requests from other sites.
#[derive(Debug, Clone)]
pub(crate) struct Principal {
    pub(crate) name: String,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: BTreeSet<Permission>,
    /// Hash of the session's token.
    pub(crate) session: Vec<u8>,
    pub(crate) csrf_token: String,
    pub(crate) ip: String,
}

impl Principal {
    /// Refuses what the user may not do.
    pub(crate) fn authorize(&self, permission: Permission) -> Result<()> {
        if self.permissions.contains(&permission) {
            Ok(())
        } else {
            Err(Error::Forbidden(permission))
        }
    }
}

/// Whether a session that was let in may still do this: a request that lasts asks again.
pub(crate) async fn still_may(shared: &Shared, session: &[u8], permission: Permission) -> Result<bool> {
    let found = sessions::find(shared, session).await?;
    Ok(found.is_some_and(|(_, user)| permissions_of(&user.roles).contains(&permission)))
}

impl FromRequestParts<Arc<Shared>> for Principal {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Principal> {
        let ip = peer_address(parts, &shared.config.gui.forwarded_proxy_header);
        let token = session_token(&parts.headers).ok_or(Error::NotSignedIn)?;
        let hash = token_hash(token);
        let found = sessions::find(shared, &hash).await?;
        let (session, user) = found.ok_or(Error::NotSignedIn)?;
        if parts.method != Method::GET && parts.method != Method::HEAD {
            let given = parts
                .headers
                .get("x-csrf-token")
                .map(|value| value.as_bytes())
                .unwrap_or_default();
            if !bool::from(given.ct_eq(session.csrf_token.as_bytes())) {
                return Err(Error::CrossSite(
                    "header `X-CSRF-Token` is missing or wrong; reload the page",
                ));
            }
        }
        if let Some(visitor) = parts.extensions.get::<Arc<Visitor>>() {
            visitor.prove();
        }
        Ok(Principal {
            permissions: permissions_of(&user.roles),
            name: user.name,
            roles: user.roles,
            session: hash,
            csrf_token: session.csrf_token,
            ip,
        })
    }
}

fn session_token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    })
}
