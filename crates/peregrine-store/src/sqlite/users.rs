//! Accounts and sessions.

use super::{SqliteDatabase, from_json, to_json};
use crate::Result;
use crate::database::UserStore;
use crate::model::{Micros, Session, User};
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};

#[async_trait]
impl UserStore for SqliteDatabase {
    async fn user(&self, name: &str) -> Result<Option<User>> {
        let folded = name.to_lowercase();
        self.read(move |sql| {
            let mut statement = sql.prepare_cached("SELECT * FROM users WHERE folded = ?1")?;
            Ok(statement.query_row([folded], to_user).optional()?)
        })
        .await
    }

    async fn users(&self) -> Result<Vec<User>> {
        self.read(|sql| {
            let mut statement = sql.prepare_cached("SELECT * FROM users ORDER BY folded")?;
            let users = statement
                .query_map([], to_user)?
                .collect::<rusqlite::Result<_>>()?;
            Ok(users)
        })
        .await
    }

    async fn put_user(&self, user: User) -> Result<()> {
        self.write(move |sql| put(sql, &user)).await
    }

    async fn put_user_and_end_sessions(&self, user: User, except: &[u8]) -> Result<()> {
        let except = except.to_vec();
        self.write(move |sql| {
            put(sql, &user)?;
            sql.execute(
                "DELETE FROM sessions WHERE folded = ?1 AND token_hash <> ?2",
                params![user.name.to_lowercase(), except],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_user(&self, name: &str) -> Result<()> {
        let folded = name.to_lowercase();
        self.write(move |sql| {
            sql.execute("DELETE FROM sessions WHERE folded = ?1", [&folded])?;
            sql.execute("DELETE FROM users WHERE folded = ?1", [&folded])?;
            Ok(())
        })
        .await
    }

    async fn put_session(&self, session: Session) -> Result<()> {
        self.write(move |sql| {
            sql.prepare_cached(
                "INSERT OR REPLACE INTO sessions (token_hash, folded, user, csrf_token, created, expires)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                session.token_hash,
                session.user.to_lowercase(),
                session.user,
                session.csrf_token,
                session.created,
                session.expires
            ])?;
            Ok(())
        })
        .await
    }

    async fn session(&self, token_hash: &[u8], now: Micros) -> Result<Option<Session>> {
        let hash = token_hash.to_vec();
        self.read(move |sql| {
            let mut statement =
                sql.prepare_cached("SELECT * FROM sessions WHERE token_hash = ?1 AND expires > ?2")?;
            let session = statement.query_row(params![hash, now], |row| {
                Ok(Session {
                    token_hash: row.get("token_hash")?,
                    user: row.get("user")?,
                    csrf_token: row.get("csrf_token")?,
                    created: row.get("created")?,
                    expires: row.get("expires")?,
                })
            });
            Ok(session.optional()?)
        })
        .await
    }

    async fn delete_session(&self, token_hash: &[u8]) -> Result<()> {
        let hash = token_hash.to_vec();
        self.write(move |sql| {
            sql.execute("DELETE FROM sessions WHERE token_hash = ?1", [hash])?;
            Ok(())
        })
        .await
    }

    async fn expire_sessions(&self, now: Micros) -> Result<()> {
        self.write(move |sql| {
            sql.execute("DELETE FROM sessions WHERE expires <= ?1", [now])?;
            Ok(())
        })
        .await
    }
}

fn put(sql: &Connection, user: &User) -> Result<()> {
    sql.prepare_cached(
        "INSERT OR REPLACE INTO users (folded, name, password_hash, roles, created, locked)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        user.name.to_lowercase(),
        user.name,
        user.password_hash,
        to_json(&user.roles)?,
        user.created,
        user.locked
    ])?;
    Ok(())
}

fn to_user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        name: row.get("name")?,
        password_hash: row.get("password_hash")?,
        roles: from_json(row, "roles")?,
        created: row.get("created")?,
        locked: row.get("locked")?,
    })
}
