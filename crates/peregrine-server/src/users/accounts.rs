//! Accounts as the command line manages them: in the database itself, beside a running server or without one.

use super::password::check_strength;
use super::{Hasher, Role};
use crate::{Error, Result, audit, clock};
use peregrine_store::{AuditStore, SqliteDatabase, User, UserStore};
use serde_json::{Value, json};
use std::path::Path;

/// Who acts, in the audit log.
const PRINCIPAL: &str = "command line";
/// Bytes of a user name.
const MAX_NAME: usize = 256;

/// The accounts of a server.
#[derive(Debug)]
pub struct Accounts {
    database: SqliteDatabase,
    hasher: Hasher,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// User name.
    pub name: String,
    /// Names of roles.
    pub roles: Vec<String>,
    /// May not sign in.
    pub locked: bool,
    /// When it was made, as RFC 3339.
    pub created: String,
}

impl Accounts {
    /// Opens the database in the data folder of a server.
    pub fn open(folder: &Path) -> Result<Accounts> {
        let file = folder.join("peregrine.db");
        if !file.exists() {
            return Err(Error::Config(format!(
                "`{}` is no data folder of a server: it has no `peregrine.db`",
                folder.display()
            )));
        }
        // Refuses one of another version; only a server brings it up to date.
        drop(SqliteDatabase::open_read_only(&file)?);
        Ok(Accounts {
            database: SqliteDatabase::open(&file)?,
            hasher: Hasher::new(),
        })
    }

    /// All accounts.
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

    /// Refuses names that cannot be added, before anybody is asked for a password.
    pub async fn check_new(&self, name: &str) -> Result<()> {
        let is_odd = name.is_empty()
            || name.len() > MAX_NAME
            || name.trim() != name
            || name.contains(char::is_control)
            || [PRINCIPAL, "server", peregrine_wire::pki::SERVER_NAME].contains(&name);
        if is_odd {
            return Err(Error::BadRequest(format!(
                "`{}` cannot be a user name; choose another one",
                name.escape_debug()
            )));
        }
        match self.database.user(name).await? {
            None => Ok(()),
            Some(user) => Err(Error::BadRequest(format!(
                "user `{}` exists already; `peregrine user passwd` changes its password",
                user.name
            ))),
        }
    }

    /// Refuses names of nobody.
    pub async fn check_known(&self, name: &str) -> Result<()> {
        self.find(name).await.map(drop)
    }

    /// Makes a user.
    pub async fn add(&self, name: &str, password: &str, roles: &[Role]) -> Result<()> {
        self.check_new(name).await?;
        check_strength(password, name)?;
        let roles: Vec<String> = roles.iter().map(|role| role.name().to_owned()).collect();
        let user = User {
            name: name.to_owned(),
            password_hash: self.hasher.hash(password).await?,
            roles: roles.clone(),
            created: clock::now(),
            locked: false,
        };
        self.database.put_user(user).await?;
        self.record("user_create", json!({"name": name, "roles": roles}))
            .await
    }

    /// Gives a user another password, and ends all sessions of that user.
    pub async fn set_password(&self, name: &str, password: &str) -> Result<()> {
        let mut user = self.find(name).await?;
        check_strength(password, &user.name)?;
        user.password_hash = self.hasher.hash(password).await?;
        let name = user.name.clone();
        self.database.put_user(user).await?;
        self.database.delete_sessions_of(&name, &[]).await?;
        self.record("Update password", json!({"name": name})).await
    }

    async fn find(&self, name: &str) -> Result<User> {
        let found = self.database.user(name).await?;
        found.ok_or_else(|| Error::NotFound("user", name.to_owned()))
    }

    async fn record(&self, operation: &str, detail: Value) -> Result<()> {
        let entry = audit::entry(PRINCIPAL, "", operation, &detail);
        Ok(self.database.append_audit(entry).await?)
    }
}
