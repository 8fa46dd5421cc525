//! Signing in and out.

use super::extract::{Body, COOKIE, SignedIn};
use crate::error::{Answer, Refusal};
use crate::shared::{Shared, peer_address};
use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, Uri, header};
use peregrine_api::session::{self as api, Credentials, NewPassword, ServerVersion, Session, User};
use peregrine_services::{Error, clock, users};
use std::sync::Arc;

pub(super) async fn sign_in(State(shared): State<Arc<Shared>>, request: Request) -> Answer<Response> {
    let (parts, body) = request.into_parts();
    check_origin(&shared, &parts)?;
    let ip = peer_address(&parts, &shared.config.gui.forwarded_proxy_header);
    let Body(credentials) = Body::<Credentials>::from_request(Request::from_parts(parts, body), &()).await?;
    if credentials.username.len() > 256 || credentials.password.len() > 4096 {
        return Err(Error::BadCredentials.into());
    }
    let (user, token, csrf_token) =
        users::sign_in(&shared.core, &credentials.username, &credentials.password, &ip).await?;
    let view = api::SignedIn {
        user: user_view(user.name, user.roles),
        csrf_token,
    };
    Ok(([(header::SET_COOKIE, cookie(&shared, &token))], Json(view)).into_response())
}

/// A sign-in must come from our own page, or from a program, which sends no origin.
fn check_origin(shared: &Shared, parts: &Parts) -> Answer<()> {
    let refused = Err(Refusal::CrossSite("the request comes from another site"));
    let Some(origin) = parts.headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let Ok(origin) = origin.to_str() else {
        return refused;
    };
    if shared
        .config
        .gui
        .trusted_origins
        .iter()
        .any(|trusted| trusted == origin)
    {
        return Ok(());
    }
    let host = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| parts.uri.authority().map(|host| host.as_str()));
    let origin_host = origin
        .parse::<Uri>()
        .ok()
        .and_then(|uri| uri.authority().map(|host| host.to_string()));
    if host.is_some() && origin_host.as_deref() == host {
        Ok(())
    } else {
        refused
    }
}

/// The header value that sets the cookie.
fn cookie(shared: &Shared, token: &str) -> String {
    let gui = &shared.config.gui;
    let life = gui.session_expiry_min.saturating_mul(60);
    let secure = if gui.use_plain_http { "" } else { "; Secure" };
    format!("{COOKIE}={token}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{secure}")
}

/// The header value that removes the cookie.
fn expired_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

fn user_view(name: String, roles: Vec<String>) -> User {
    let permissions = users::permissions_of(&roles);
    User {
        name,
        roles,
        permissions: permissions.iter().map(|each| each.name().to_owned()).collect(),
    }
}

pub(super) async fn show(State(shared): State<Arc<Shared>>, SignedIn(principal): SignedIn) -> Json<Session> {
    Json(Session {
        user: user_view(principal.name, principal.roles),
        csrf_token: principal.csrf_token,
        server: ServerVersion {
            name: shared.config.version.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: clock::show(shared.started),
        },
    })
}

pub(super) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
) -> Answer<Response> {
    users::sign_out(&shared.core, &principal).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, expired_cookie())]).into_response())
}

pub(super) async fn change_password(
    State(shared): State<Arc<Shared>>,
    SignedIn(principal): SignedIn,
    Body(passwords): Body<NewPassword>,
) -> Answer<StatusCode> {
    users::change_password(&shared.core, &principal, &passwords.current, &passwords.new).await?;
    Ok(StatusCode::NO_CONTENT)
}
