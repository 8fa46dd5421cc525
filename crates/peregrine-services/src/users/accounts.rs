//! Accounts as the command line manages them: directly in the database, whether or not a server is running.

use super::password::check_strength;
use super::{Hasher, Permission, Role, permissions_of};
use crate::storage::reserve_in;
use crate::{Error, Result, audit, clock};
use peregrine_store::{AuditStore, OrgDatabase, OrgId, SqlAddress, User, UserStore};
use peregrine_wire::pki;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The principal in the audit log.
const PRINCIPAL: &str = "command line";
/// Maximum bytes of a user name.
const MAX_NAME: usize = 256;

/// The accounts of a server.
#[derive(Debug)]
pub struct Accounts {
    database: OrgDatabase,
    hasher: Hasher,
    folder: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// The user may not sign in.
    pub locked: bool,
    /// RFC 3339.
    pub created: String,
}

impl Accounts {
    /// Opens a server's database. `folder` is its data folder, where changes on a full disk find the reserve file.
    pub fn open(folder: &Path, address: SqlAddress) -> Result<Accounts> {
        if let SqlAddress::File(file) = &address
            && !file.exists()
        {
            return Err(Error::Config(format!(
                "`{}` is not the data folder of a server: it has no `peregrine.db`",
                folder.display()
            )));
        }
        // Refuses a database of another version: only a server migrates it.
        drop(address.clone().open_read_only()?);
        Ok(Accounts {
            database: address.open()?.org(&OrgId::root()),
            hasher: Hasher::new(),
            folder: folder.to_owned(),
        })
    }

    pub async fn list(&self) -> Result<Vec<Account>> {
        let users = self.database.users().await?;
        let account = |user: User| Account {
            name: user.name,
            roles: user.roles,
            locked: user.locked,
            created: clock::show(user.created),
        };
        Ok(users.into_iter().map(account).collect())
    }

    /// Refuses names that cannot be added. Call it before asking for a password.
    pub async fn check_new(&self, name: &str) -> Result<()> {
        check_name(name)?;
        match self.database.user(name).await? {
            None => Ok(()),
            Some(user) => Err(Error::BadRequest(format!(
                "user `{}` exists already; `peregrine user passwd` changes its password, `peregrine user roles` its roles",
                user.name
            ))),
        }
    }

    /// Refuses unknown names.
    pub async fn check_known(&self, name: &str) -> Result<()> {
        self.find(name).await.map(drop)
    }

    pub async fn add(&self, name: &str, password: &str, roles: &[Role]) -> Result<()> {
        self.check_new(name).await?;
        check_strength(password, name)?;
        let password_hash = self.hasher.hash(password).await?;
        self.create(name, password_hash, roles).await
    }

    /// Gives roles to a user who proves the name with a certificate; one who is new has no password.
    pub async fn grant_or_add(&self, name: &str, roles: &[Role]) -> Result<Vec<String>> {
        check_name(name)?;
        if self.database.user(name).await?.is_some() {
            return self.grant(name, roles).await;
        }
        self.create(name, String::new(), roles).await?;
        Ok(names(roles))
    }

    async fn create(&self, name: &str, password_hash: String, roles: &[Role]) -> Result<()> {
        let roles = names(roles);
        let user = User {
            name: name.to_owned(),
            password_hash,
            roles: roles.clone(),
            created: clock::now(),
            locked: false,
        };
        self.write(|| self.database.put_user(user.clone())).await?;
        self.record("user_create", json!({"name": name, "roles": roles}))
            .await
    }

    /// Gives a user more roles; returns all roles the user has now.
    pub async fn grant(&self, name: &str, roles: &[Role]) -> Result<Vec<String>> {
        let user = self.find(name).await?;
        let mut all = user.roles.clone();
        all.extend(names(roles).into_iter().filter(|role| !user.roles.contains(role)));
        self.change_roles(user, all).await
    }

    /// Replaces the roles of a user; returns them.
    pub async fn set_roles(&self, name: &str, roles: &[Role]) -> Result<Vec<String>> {
        let user = self.find(name).await?;
        self.change_roles(user, names(roles)).await
    }

    /// Whether some user who can sign in has the permission to manage the server.
    pub async fn has_administrator(&self) -> Result<bool> {
        let manages = |user: &User| {
            user.can_sign_in() && permissions_of(&user.roles).contains(&Permission::ServerAdmin)
        };
        Ok(self.database.users().await?.iter().any(manages))
    }

    async fn change_roles(&self, mut user: User, roles: Vec<String>) -> Result<Vec<String>> {
        let detail = json!({"name": user.name, "roles": roles, "before": user.roles});
        user.roles.clone_from(&roles);
        // Sessions need not end: permissions are looked up with each request.
        self.write(|| self.database.put_user(user.clone())).await?;
        self.record("user_grant", detail).await?;
        Ok(roles)
    }

    /// Changes a user's password, and ends all sessions of that user.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let mut user = self.find(name).await?;
        check_strength(password, &user.name)?;
        user.password_hash = self.hasher.hash(password).await?;
        let change = || self.database.put_user_and_end_sessions(user.clone(), &[]);
        self.write(change).await?;
        self.record("Update password", json!({"name": user.name})).await
    }

    async fn find(&self, name: &str) -> Result<User> {
        let found = self.database.user(name).await?;
        found.ok_or_else(|| Error::NotFound("user", name.to_owned()))
    }

    /// Makes a change. On a full disk, deletes the data folder's reserve file and tries again: the change may be what lets
    /// somebody in to free space.
    async fn write<Written>(&self, change: impl Fn() -> Written) -> Result<()>
    where
        Written: Future<Output = peregrine_store::Result<()>>,
    {
        match change().await {
            Err(peregrine_store::Error::Full(_))
                if std::fs::remove_file(reserve_in(&self.folder)).is_ok() =>
            {
                Ok(change().await?)
            }
            written => Ok(written?),
        }
    }

    /// Records a change that was made. If the disk is full, that is only logged, as the change cannot be undone.
    async fn record(&self, operation: &str, detail: Value) -> Result<()> {
        let entry = audit::entry(PRINCIPAL, "", operation, &detail);
        match self.write(|| self.database.append_audit(entry.clone())).await {
            Err(Error::Store(error @ peregrine_store::Error::Full(_))) => {
                tracing::warn!(%error, operation, "the change is made, but it is not in the audit log");
                Ok(())
            }
            recorded => recorded,
        }
    }
}

/// Refuses what cannot be a user's name. The names of our own certificates must not become users.
pub fn check_name(name: &str) -> Result<()> {
    let is_odd = name.is_empty()
        || name.len() > MAX_NAME
        || name.trim() != name
        || name.contains(char::is_control)
        || [PRINCIPAL, "server", pki::SERVER_NAME, pki::GATEWAY_NAME].contains(&name);
    if is_odd {
        return Err(Error::BadRequest(format!(
            "`{}` cannot be a user name; choose another one",
            name.escape_debug()
        )));
    }
    Ok(())
}

fn names(roles: &[Role]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for role in roles {
        if !names.iter().any(|name| name == role.name()) {
            names.push(role.name().to_owned());
        }
    }
    names
}
