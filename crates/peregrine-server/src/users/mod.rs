//! Accounts, what they may do, and how they prove who they are.

mod accounts;
mod failures;
mod password;
mod permissions;
mod principal;
mod sessions;
mod spare_sessions;
mod throttle;

pub use accounts::{Account, Accounts};
pub(crate) use failures::{Failures, write_down as write_down_failures};
pub(crate) use password::{Hasher, random_token};
pub(crate) use permissions::permissions_of;
pub use permissions::{Permission, Role};
pub(crate) use principal::{Principal, still_may};
pub(crate) use sessions::{COOKIE, cookie, expired_cookie, sign_in, sign_out, token_hash};
pub(crate) use spare_sessions::SpareSessions;
pub(crate) use throttle::Throttle;

use crate::shared::Shared;
use crate::{Error, Result, audit, clock};
use failures::Failure;
use peregrine_store::User;
use serde_json::json;
use throttle::Guest;

/// The account made at first start. The password is told once and stored nowhere.
#[derive(Debug, Clone)]
pub struct InitialAdmin {
    /// User name.
    pub name: String,
    /// Generated password.
    pub password: String,
}

/// Makes `admin` when there is no user at all.
pub(crate) async fn ensure_admin(shared: &Shared) -> Result<Option<InitialAdmin>> {
    if !shared.storage.database.users().await?.is_empty() {
        return Ok(None);
    }
    let admin = InitialAdmin {
        name: "admin".into(),
        password: random_token(15)?,
    };
    put(shared, &admin.name, &admin.password, &[Role::Administrator]).await?;
    audit::record(
        shared,
        "server",
        "",
        "user_create",
        json!({"name": admin.name, "roles": ["administrator"]}),
    )
    .await?;
    Ok(Some(admin))
}

/// Makes a user, or gives an existing one this password and these roles.
pub(crate) async fn put(shared: &Shared, name: &str, password: &str, roles: &[Role]) -> Result<()> {
    let hash = shared.hasher.hash(password).await?;
    let user = User {
        name: name.to_owned(),
        password_hash: hash,
        roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        created: clock::now(),
        locked: false,
    };
    Ok(shared.storage.database.put_user(user).await?)
}

/// Changes a user's own password; other sessions of the user end.
pub(crate) async fn change_password(
    shared: &Shared,
    principal: &Principal,
    current: &str,
    new: &str,
) -> Result<()> {
    let Some(mut user) = shared.storage.database.user(&principal.name).await? else {
        return Err(Error::NotSignedIn);
    };
    let attempt = shared.throttle.begin(Guest::new(&user.name, &principal.ip))?;
    if !shared.hasher.verify(current, &user.password_hash).await? {
        failures::note(shared, &principal.ip, Failure::WrongPassword(&user.name)).await;
        return Err(Error::WrongPassword);
    }
    attempt.succeeded();
    password::check_strength(new, &user.name)?;
    user.password_hash = shared.hasher.hash(new).await?;
    let database = &shared.storage.database;
    database
        .put_user_and_end_sessions(user.clone(), &principal.session)
        .await?;
    shared.spare_sessions.end_others(&user, &principal.session);
    audit::record(
        shared,
        &principal.name,
        &principal.ip,
        "Update password",
        json!({"name": principal.name}),
    )
    .await
}
