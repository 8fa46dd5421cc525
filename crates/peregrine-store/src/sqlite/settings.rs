//! Named values and the audit log.

use super::SqliteDatabase;
use crate::database::{AuditStore, SettingStore};
use crate::model::AuditEntry;
use crate::{Error, Result};
use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

#[async_trait]
impl SettingStore for SqliteDatabase {
    async fn setting(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        self.read(move |sql| {
            let mut statement = sql.prepare_cached("SELECT value FROM settings WHERE name = ?1")?;
            Ok(statement.query_row([name], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(move |sql| {
            sql.prepare_cached("INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)")?
                .execute([name, value])?;
            Ok(())
        })
        .await
    }

    async fn checkpoint(&self) -> Result<()> {
        self.writer.as_ref().ok_or(Error::ReadOnly)?.checkpoint().await
    }
}

#[async_trait]
impl AuditStore for SqliteDatabase {
    async fn append_audit(&self, entry: AuditEntry) -> Result<()> {
        self.write(move |sql| {
            sql.prepare_cached(
                "INSERT INTO audit (time, principal, operation, detail, ip) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                entry.time,
                entry.principal,
                entry.operation,
                entry.detail,
                entry.ip
            ])?;
            Ok(())
        })
        .await
    }

    async fn read_audit(&self, after: i64, limit: u64) -> Result<Vec<AuditEntry>> {
        self.read(move |sql| {
            let mut statement = sql.prepare_cached(
                "SELECT id, time, principal, operation, detail, ip FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit.min(i64::MAX as u64) as i64], |row| {
                Ok(AuditEntry {
                    id: row.get(0)?,
                    time: row.get(1)?,
                    principal: row.get(2)?,
                    operation: row.get(3)?,
                    detail: row.get(4)?,
                    ip: row.get(5)?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn audit_end(&self) -> Result<i64> {
        self.read(|sql| {
            let mut statement = sql.prepare_cached("SELECT coalesce(max(id), 0) FROM audit")?;
            Ok(statement.query_row([], |row| row.get(0))?)
        })
        .await
    }
}
