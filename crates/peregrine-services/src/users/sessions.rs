//! Signing in and out. A session is identified by a token of 256 random bits, of which only the hash is stored.

use super::failures::{self, Failure};
use super::password::random_token;
use super::throttle::SignInSource;
use crate::Core;
use crate::audit::OnTemporaryError;
use crate::{Error, Result, audit, clock};
use peregrine_store::{Session, User};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Checks name and password; returns the user, the session's token and the CSRF token.
pub async fn sign_in(core: &Core, name: &str, password: &str, ip: &str) -> Result<(User, String, String)> {
    let attempt = match core.throttle.begin(SignInSource::new(name, ip)) {
        Ok(attempt) => attempt,
        Err(error) => {
            failures::note(core, ip, Failure::Refused).await;
            return Err(error);
        }
    };
    let database = &core.storage.database;
    let user = database.user(name).await?.filter(User::can_sign_in);
    let Some(user) = user else {
        core.hasher.verify_nobody(password).await?;
        failures::note(core, ip, Failure::UnknownUser).await;
        return Err(Error::BadCredentials);
    };
    if !core.hasher.verify(password, &user.password_hash).await? {
        failures::note(core, ip, Failure::WrongPassword(&user.name)).await;
        return Err(Error::BadCredentials);
    }
    attempt.succeeded();
    let (token, csrf_token) = (random_token(32)?, random_token(32)?);
    let now = clock::now();
    let life = i64::try_from(core.settings.session_minutes)
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
            core.spare_sessions.put(session, &user);
        }
        stored => stored?,
    }
    let login = audit::entry(&user.name, ip, "Login", &json!({}));
    audit::append(core, login, OnTemporaryError::Keep).await?;
    Ok((user, token, csrf_token))
}

pub async fn sign_out(core: &Core, principal: &super::Principal) -> Result<()> {
    if !core.spare_sessions.end(&principal.session) {
        core.storage.database.delete_session(&principal.session).await?;
    }
    let log_off = audit::entry(&principal.name, &principal.ip, "LogOff", &json!({}));
    audit::append(core, log_off, OnTemporaryError::Keep).await
}

/// The open session with this hash, and its user as stored now.
pub(super) async fn find(core: &Core, token_hash: &[u8]) -> Result<Option<(Session, User)>> {
    let database = &core.storage.database;
    let now = clock::now();
    let spare = core.spare_sessions.get(token_hash, now);
    let session = match &spare {
        Some(spare) => Some(spare.session.clone()),
        None => database.session(token_hash, now).await?,
    };
    let Some(session) = session else { return Ok(None) };
    let user = database.user(&session.user).await?.filter(|user| !user.locked);
    let user = user.filter(|user| spare.is_none_or(|spare| spare.is_of(user)));
    Ok(user.map(|user| (session, user)))
}

/// The hash under which a session is stored.
pub(super) fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
