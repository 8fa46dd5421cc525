//! Accounts and sessions in SQL. They are shared by all organisations.

use super::record::{Session, User};
use crate::Result;
use crate::database::UserStore;
use crate::model::Micros;
use crate::sql::{OrgDatabase, Row, Subject, Tx, fold, to_json, values};
use async_trait::async_trait;

#[async_trait]
impl UserStore for OrgDatabase {
    async fn user(&self, name: &str) -> Result<Option<User>> {
        let folded = fold(name);
        self.read(move |tx, _| tx.first("SELECT * FROM users WHERE folded = ?1", values![&folded], to_user))
            .await
    }

    async fn users(&self) -> Result<Vec<User>> {
        self.read(|tx, _| tx.all("SELECT * FROM users ORDER BY folded", &[], to_user))
            .await
    }

    async fn put_first_user(&self, user: User) -> Result<bool> {
        self.write(Subject::Users, move |tx, _| {
            if tx.one("SELECT EXISTS (SELECT 1 FROM users)", &[])? {
                return Ok(false);
            }
            put(tx, &user)?;
            Ok(true)
        })
        .await
    }

    async fn put_user(&self, user: User) -> Result<()> {
        self.write(Subject::Users, move |tx, _| put(tx, &user)).await
    }

    async fn put_user_and_end_sessions(&self, user: User, except: &[u8]) -> Result<()> {
        let except = except.to_vec();
        self.write(Subject::Users, move |tx, _| {
            put(tx, &user)?;
            tx.execute(
                "DELETE FROM sessions WHERE folded = ?1 AND token_hash <> ?2",
                values![&fold(&user.name), &except],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_user(&self, name: &str) -> Result<()> {
        let folded = fold(name);
        self.write(Subject::Users, move |tx, _| {
            tx.execute("DELETE FROM sessions WHERE folded = ?1", values![&folded])?;
            for table in ["favorites", "recent_clients"] {
                tx.execute(
                    &format!("DELETE FROM {table} WHERE user_folded = ?1"),
                    values![&folded],
                )?;
            }
            tx.execute("DELETE FROM users WHERE folded = ?1", values![&folded])?;
            Ok(())
        })
        .await
    }

    async fn put_session(&self, session: Session) -> Result<()> {
        self.write(Subject::Users, move |tx, _| {
            tx.execute(
                "INSERT INTO sessions (token_hash, folded, name, csrf_token, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (token_hash) DO UPDATE SET folded = excluded.folded, name = excluded.name,
                 csrf_token = excluded.csrf_token, created = excluded.created, expires = excluded.expires",
                values![
                    &session.token_hash,
                    &fold(&session.user),
                    &session.user,
                    &session.csrf_token,
                    session.created,
                    session.expires
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn session(&self, token_hash: &[u8], now: Micros) -> Result<Option<Session>> {
        let hash = token_hash.to_vec();
        self.read(move |tx, _| {
            tx.first(
                "SELECT * FROM sessions WHERE token_hash = ?1 AND expires > ?2",
                values![&hash, now],
                |row| {
                    Ok(Session {
                        token_hash: row.get("token_hash")?,
                        user: row.get("name")?,
                        csrf_token: row.get("csrf_token")?,
                        created: row.get("created")?,
                        expires: row.get("expires")?,
                    })
                },
            )
        })
        .await
    }

    async fn delete_session(&self, token_hash: &[u8]) -> Result<()> {
        let hash = token_hash.to_vec();
        self.write(Subject::Users, move |tx, _| {
            tx.execute("DELETE FROM sessions WHERE token_hash = ?1", values![&hash])?;
            Ok(())
        })
        .await
    }

    async fn expire_sessions(&self, now: Micros) -> Result<()> {
        self.write(Subject::Users, move |tx, _| {
            tx.execute("DELETE FROM sessions WHERE expires <= ?1", values![now])?;
            Ok(())
        })
        .await
    }
}

fn put(tx: &dyn Tx, user: &User) -> Result<()> {
    tx.execute(
        "INSERT INTO users (folded, name, password_hash, roles, created, locked) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (folded) DO UPDATE SET name = excluded.name, password_hash = excluded.password_hash,
         roles = excluded.roles, created = excluded.created, locked = excluded.locked",
        values![
            &fold(&user.name),
            &user.name,
            &user.password_hash,
            &to_json(&user.roles)?,
            user.created,
            user.locked
        ],
    )?;
    Ok(())
}

fn to_user(row: &dyn Row) -> Result<User> {
    Ok(User {
        name: row.get("name")?,
        password_hash: row.get("password_hash")?,
        roles: row.json("roles")?,
        created: row.get("created")?,
        locked: row.get("locked")?,
    })
}
