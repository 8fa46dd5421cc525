//! Accounts, permissions, passwords and sessions.

mod accounts;
mod failures;
pub mod favorites;
mod password;
mod permissions;
mod principal;
mod sessions;
mod spare_sessions;
mod throttle;

pub use accounts::{Account, Accounts, check_name};
pub(crate) use failures::Failures;
pub use failures::write_down as write_down_failures;
pub(crate) use password::{Hasher, random_token};
pub use permissions::permissions_of;
pub use permissions::{Permission, Role};
pub use principal::{Principal, identify, named, still_may};
pub use sessions::{sign_in, sign_out};
pub(crate) use spare_sessions::SpareSessions;
pub(crate) use throttle::Throttle;

use crate::Core;
use crate::{Error, Result, audit, clock};
use failures::Failure;
use peregrine_store::User;
use serde_json::json;
use throttle::SignInSource;

/// The account created at first start. The password is shown once; only its hash is stored.
#[derive(Debug, Clone)]
pub struct InitialAdmin {
    pub name: String,
    pub password: String,
}

/// Creates `admin` if there is no user at all.
pub async fn ensure_admin(core: &Core) -> Result<Option<InitialAdmin>> {
    if !core.storage.database.users().await?.is_empty() {
        return Ok(None);
    }
    let admin = InitialAdmin {
        name: "admin".into(),
        password: random_token(15)?,
    };
    let user = new_user(core, &admin.name, &admin.password, &[Role::Administrator]).await?;
    if !core.storage.database.put_first_user(user).await? {
        // Another server started at the same time; that one shows the password.
        return Ok(None);
    }
    audit::record(
        core,
        "server",
        "",
        "user_create",
        json!({"name": admin.name, "roles": ["administrator"]}),
    )
    .await?;
    Ok(Some(admin))
}

/// Creates a user, or replaces the password and roles of an existing one.
pub async fn put(core: &Core, name: &str, password: &str, roles: &[Role]) -> Result<()> {
    let user = new_user(core, name, password, roles).await?;
    Ok(core.storage.database.put_user(user).await?)
}

async fn new_user(core: &Core, name: &str, password: &str, roles: &[Role]) -> Result<User> {
    Ok(User {
        name: name.to_owned(),
        password_hash: core.hasher.hash(password).await?,
        roles: roles.iter().map(|role| role.name().to_owned()).collect(),
        created: clock::now(),
        locked: false,
    })
}

/// Changes a user's own password, and ends the user's other sessions.
pub async fn change_password(core: &Core, principal: &Principal, current: &str, new: &str) -> Result<()> {
    let Some(mut user) = core.storage.database.user(&principal.name).await? else {
        return Err(Error::NotSignedIn);
    };
    let attempt = core
        .throttle
        .begin(SignInSource::new(&user.name, &principal.ip))?;
    if !core.hasher.verify(current, &user.password_hash).await? {
        failures::note(core, &principal.ip, Failure::WrongPassword(&user.name)).await;
        return Err(Error::WrongPassword);
    }
    attempt.succeeded();
    password::check_strength(new, &user.name)?;
    user.password_hash = core.hasher.hash(new).await?;
    let database = &core.storage.database;
    database
        .put_user_and_end_sessions(user.clone(), &principal.session)
        .await?;
    core.spare_sessions.end_others(&user, &principal.session);
    audit::record(
        core,
        &principal.name,
        &principal.ip,
        "Update password",
        json!({"name": principal.name}),
    )
    .await
}
