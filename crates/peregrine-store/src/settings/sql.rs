//! Named values and the audit log in SQL.

use super::record::AuditEntry;
use crate::Result;
use crate::database::{AuditStore, SettingStore};
use crate::model::Micros;
use crate::sql::{OrgDatabase, Subject, values};
use async_trait::async_trait;

#[async_trait]
impl SettingStore for OrgDatabase {
    async fn setting(&self, name: &str) -> Result<Option<String>> {
        let name = name.to_owned();
        self.read(move |tx, org| {
            tx.first(
                "SELECT value FROM settings WHERE org_id = ?1 AND name = ?2",
                values![org, &name],
                |row| row.take(0),
            )
        })
        .await
    }

    async fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(Subject::Nothing, move |tx, org| {
            tx.execute(
                "INSERT INTO settings (org_id, name, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value",
                values![org, &name, &value],
            )?;
            Ok(())
        })
        .await
    }

    async fn replace_setting(&self, name: &str, old: Option<&str>, value: &str) -> Result<bool> {
        let (name, old, value) = (name.to_owned(), old.map(str::to_owned), value.to_owned());
        self.write(Subject::Nothing, move |tx, org| {
            let changed = match &old {
                None => tx.execute(
                    "INSERT INTO settings (org_id, name, value) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    values![org, &name, &value],
                )?,
                Some(old) => tx.execute(
                    "UPDATE settings SET value = ?3 WHERE org_id = ?1 AND name = ?2 AND value = ?4",
                    values![org, &name, &value, old],
                )?,
            };
            Ok(changed > 0)
        })
        .await
    }

    async fn checkpoint(&self) -> Result<()> {
        self.checkpoint_engine().await
    }
}

#[async_trait]
impl AuditStore for OrgDatabase {
    async fn append_audit(&self, entry: AuditEntry) -> Result<()> {
        self.write(Subject::Audit(self.org.clone()), move |tx, org| {
            let last: i64 = tx.one("SELECT coalesce(max(id), 0) FROM audit WHERE org_id = ?1", values![org])?;
            tx.execute(
                "INSERT INTO audit (org_id, id, time, principal, operation, detail, ip) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                values![
                    org,
                    last + 1,
                    entry.time,
                    &entry.principal,
                    &entry.operation,
                    &entry.detail,
                    &entry.ip
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn read_audit(&self, after: i64, limit: u64) -> Result<Vec<AuditEntry>> {
        self.read(move |tx, org| {
            tx.all(
                "SELECT * FROM audit WHERE org_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                values![org, after, limit],
                |row| {
                    Ok(AuditEntry {
                        id: row.get("id")?,
                        time: row.get("time")?,
                        principal: row.get("principal")?,
                        operation: row.get("operation")?,
                        detail: row.get("detail")?,
                        ip: row.get("ip")?,
                    })
                },
            )
        })
        .await
    }

    async fn audit_end(&self) -> Result<i64> {
        self.read(|tx, org| {
            tx.one(
                "SELECT coalesce(max(id), 0) FROM audit WHERE org_id = ?1",
                values![org],
            )
        })
        .await
    }

    async fn audit_range(&self, start: Option<Micros>, end: Option<Micros>) -> Result<(u64, u64)> {
        self.read(move |tx, org| {
            let before = |at: Micros| -> Result<u64> {
                tx.one(
                    "SELECT coalesce((SELECT min(id) - 1 FROM audit WHERE org_id = ?1 AND time >= ?2),
                        (SELECT coalesce(max(id), 0) FROM audit WHERE org_id = ?1))",
                    values![org, at],
                )
            };
            Ok((start.map_or(Ok(0), before)?, before(end.unwrap_or(Micros::MAX))?))
        })
        .await
    }
}
