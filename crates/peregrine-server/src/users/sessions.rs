//! Signing in and out. The cookie holds 256 random bits; the store only their hash.

use super::failures::{self, Failure};
use super::password::random_token;
use super::throttle::Guest;
use crate::audit::OnFullDisk;
use crate::shared::Shared;
use crate::{Error, Result, audit, clock};
use peregrine_store::{Session, User};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Name of the cookie.
pub(crate) const COOKIE: &str = "peregrine_session";

/// Checks name and password; gives the user, the cookie's value and the CSRF token.
pub(crate) async fn sign_in(
    shared: &Shared,
    name: &str,
    password: &str,
    ip: &str,
) -> Result<(User, String, String)> {
    let attempt = match shared.throttle.begin(Guest::new(name, ip)) {
        Ok(attempt) => attempt,
        Err(error) => {
            failures::note(shared, ip, Failure::Refused).await;
            return Err(error);
        }
    };
    let database = &shared.storage.database;
    let user = database.user(name).await?.filter(|user| !user.locked);
    let Some(user) = user else {
        shared.hasher.verify_nobody(password).await?;
        failures::note(shared, ip, Failure::UnknownUser).await;
        return Err(Error::BadCredentials);
    };
    if !shared.hasher.verify(password, &user.password_hash).await? {
        failures::note(shared, ip, Failure::WrongPassword(&user.name)).await;
        return Err(Error::BadCredentials);
    }
    attempt.succeeded();
    let (token, csrf_token) = (random_token(32)?, random_token(32)?);
    let now = clock::now();
    let life = i64::try_from(shared.config.gui.session_expiry_min)
        .unwrap_or(1440)
        .saturating_mul(60_000_000);
    let session = Session {
        token_hash: token_hash(&token),
        user: user.name.clone(),
        csrf_token: csrf_token.clone(),
        created: now,
        expires: now.saturating_add(life),
    };
    match database.put_session(session.clone()).await {
        Err(error) if error.is_temporary() => {
            tracing::warn!(%error, "a session is kept in memory only");
            shared.spare_sessions.put(session, &user);
        }
        stored => stored?,
    }
    let login = audit::entry(&user.name, ip, "Login", &json!({}));
    audit::append(shared, login, OnFullDisk::Keep).await?;
    Ok((user, token, csrf_token))
}

/// Ends a session.
pub(crate) async fn sign_out(shared: &Shared, principal: &super::Principal) -> Result<()> {
    if !shared.spare_sessions.end(&principal.session) {
        shared.storage.database.delete_session(&principal.session).await?;
    }
    let log_off = audit::entry(&principal.name, &principal.ip, "LogOff", &json!({}));
    audit::append(shared, log_off, OnFullDisk::Keep).await
}

/// The session with this hash that has not ended, and its user as stored now.
pub(crate) async fn find(shared: &Shared, token_hash: &[u8]) -> Result<Option<(Session, User)>> {
    let database = &shared.storage.database;
    let now = clock::now();
    let spare = shared.spare_sessions.get(token_hash, now);
    let session = match &spare {
        Some(spare) => Some(spare.session.clone()),
        None => database.session(token_hash, now).await?,
    };
    let Some(session) = session else { return Ok(None) };
    let user = database.user(&session.user).await?.filter(|user| !user.locked);
    let user = user.filter(|user| spare.is_none_or(|spare| spare.is_of(user)));
    Ok(user.map(|user| (session, user)))
}

/// What the store keeps of a token.
pub(crate) fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// The header value that sets the cookie.
pub(crate) fn cookie(shared: &Shared, token: &str) -> String {
    let life = shared.config.gui.session_expiry_min.saturating_mul(60);
    let secure = if shared.config.gui.use_plain_http {
        ""
    } else {
        "; Secure"
    };
    format!("{COOKIE}={token}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict{secure}")
}

/// The header value that removes the cookie.
pub(crate) fn expired_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}
