//! Endpoints, keys, labels.

use super::{SqliteDatabase, from_json, to_json};
use crate::database::ClientStore;
use crate::model::{Client, ClientFacts, ClientFilter, ClientQuery, ClientSort, Micros, Page, Touch};
use crate::{Error, Result};
use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};
use std::collections::BTreeMap;

const COLUMNS: &str =
    "c.client_id, c.facts, c.last_ip, c.first_seen, c.last_seen, c.last_interrogate_flow_id,
    c.event_table_version, c.labels_changed, c.metadata,
    (SELECT json_group_array(label) FROM (SELECT label FROM client_labels l WHERE l.client_id = c.client_id
     ORDER BY folded)) AS labels";

#[async_trait]
impl ClientStore for SqliteDatabase {
    async fn client_key(&self, client_id: &str) -> Result<Option<String>> {
        let id = client_id.to_owned();
        self.read(move |sql| {
            let mut statement = sql.prepare_cached("SELECT pem FROM client_keys WHERE client_id = ?1")?;
            Ok(statement.query_row([id], |row| row.get(0)).optional()?)
        })
        .await
    }

    async fn enrol(&self, client_id: &str, key_pem: &str, now: Micros) -> Result<bool> {
        let (id, pem) = (client_id.to_owned(), key_pem.to_owned());
        self.write(move |sql| {
            sql.prepare_cached(
                "INSERT OR REPLACE INTO client_keys (client_id, pem, enrolled) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![id, pem, now])?;
            let made = sql
                .prepare_cached(
                    "INSERT OR IGNORE INTO clients (client_id, first_seen, last_seen) VALUES (?1, ?2, ?2)",
                )?
                .execute(params![id, now])?;
            Ok(made > 0)
        })
        .await
    }

    async fn client(&self, client_id: &str) -> Result<Option<Client>> {
        let id = client_id.to_owned();
        self.read(move |sql| load(sql, &id)).await
    }

    async fn clients(&self, query: ClientQuery) -> Result<Page<Client>> {
        self.read(move |sql| list(sql, &query)).await
    }

    async fn set_labels(
        &self,
        client_id: &str,
        add: &[String],
        remove: &[String],
        changed: i64,
    ) -> Result<Client> {
        let (id, add, remove) = (client_id.to_owned(), add.to_vec(), remove.to_vec());
        self.write(move |sql| {
            let mut count = 0;
            for label in &remove {
                count += sql.execute(
                    "DELETE FROM client_labels WHERE client_id = ?1 AND folded = ?2",
                    params![id, label.trim().to_lowercase()],
                )?;
            }
            count += add_labels(sql, &id, &add)?;
            if count > 0 {
                sql.execute(
                    "UPDATE clients SET labels_changed = ?2 WHERE client_id = ?1",
                    params![id, changed],
                )?;
            }
            load(sql, &id)?.ok_or_else(|| Error::not_found("client", &id))
        })
        .await
    }

    async fn set_metadata(&self, client_id: &str, changes: &[(String, Option<String>)]) -> Result<Client> {
        let (id, changes) = (client_id.to_owned(), changes.to_vec());
        self.write(move |sql| {
            let mut client = load(sql, &id)?.ok_or_else(|| Error::not_found("client", &id))?;
            for (key, value) in changes {
                match value {
                    Some(value) => client.metadata.insert(key, value),
                    None => client.metadata.remove(&key),
                };
            }
            let metadata = to_json(&client.metadata)?;
            sql.execute(
                "UPDATE clients SET metadata = ?2 WHERE client_id = ?1",
                params![id, metadata],
            )?;
            Ok(client)
        })
        .await
    }

    async fn touch(&self, touches: Vec<Touch>) -> Result<()> {
        self.write(move |sql| {
            let mut statement = sql.prepare_cached(
                "UPDATE clients SET last_seen = max(last_seen, ?2), last_ip = iif(?3 = '', last_ip, ?3)
                 WHERE client_id = ?1",
            )?;
            for touch in &touches {
                statement.execute(params![touch.client_id, touch.at, touch.ip])?;
            }
            Ok(())
        })
        .await
    }

    async fn set_event_table_version(&self, client_id: &str, version: i64) -> Result<()> {
        let id = client_id.to_owned();
        self.write(move |sql| {
            sql.prepare_cached("UPDATE clients SET event_table_version = ?2 WHERE client_id = ?1")?
                .execute(params![id, version])?;
            Ok(())
        })
        .await
    }

    async fn delete_client(&self, client_id: &str) -> Result<()> {
        let id = client_id.to_owned();
        self.write(move |sql| {
            sql.execute(
                "DELETE FROM chunks WHERE set_id IN (SELECT id FROM result_sets WHERE client_id = ?1)",
                [&id],
            )?;
            for table in [
                "result_sets",
                "uploads",
                "open_uploads",
                "losses",
                "tasks",
                "flows",
                "client_labels",
                "client_keys",
                "clients",
            ] {
                sql.execute(&format!("DELETE FROM {table} WHERE client_id = ?1"), [&id])?;
            }
            Ok(())
        })
        .await
    }
}

/// Adds labels to a client; gives how many were new.
fn add_labels(sql: &Connection, client_id: &str, labels: &[String]) -> Result<usize> {
    let mut count = 0;
    for label in labels
        .iter()
        .map(|label| label.trim())
        .filter(|label| !label.is_empty())
    {
        count += sql
            .prepare_cached(
                "INSERT OR IGNORE INTO client_labels (client_id, folded, label) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![client_id, label.to_lowercase(), label])?;
    }
    Ok(count)
}

/// Merges new facts into a client record: what is empty keeps what is stored.
pub(super) fn merge_facts(
    sql: &Connection,
    client_id: &str,
    new: ClientFacts,
    labels: &[String],
    flow_id: Option<&str>,
    at: Micros,
) -> Result<bool> {
    let stored: Option<String> = sql
        .prepare_cached("SELECT facts FROM clients WHERE client_id = ?1")?
        .query_row([client_id], |row| row.get(0))
        .optional()?;
    let Some(stored) = stored else { return Ok(false) };
    let mut facts: ClientFacts = serde_json::from_str(&stored)?;
    let texts = [
        (&mut facts.hostname, new.hostname),
        (&mut facts.fqdn, new.fqdn),
        (&mut facts.os, new.os),
        (&mut facts.release, new.release),
        (&mut facts.architecture, new.architecture),
        (&mut facts.agent_name, new.agent_name),
        (&mut facts.agent_version, new.agent_version),
        (&mut facts.build_time, new.build_time),
        (&mut facts.build_url, new.build_url),
    ];
    for (old, new) in texts {
        if !new.is_empty() {
            *old = new;
        }
    }
    for (old, new) in [
        (&mut facts.addresses, new.addresses),
        (&mut facts.mac_addresses, new.mac_addresses),
    ] {
        if !new.is_empty() {
            *old = new;
        }
    }
    sql.prepare_cached(
        "UPDATE clients SET hostname = ?2, fqdn = ?3, os = ?4, facts = ?5,
         last_interrogate_flow_id = coalesce(?6, last_interrogate_flow_id) WHERE client_id = ?1",
    )?
    .execute(params![
        client_id,
        facts.hostname,
        facts.fqdn,
        facts.os,
        to_json(&facts)?,
        flow_id
    ])?;
    if add_labels(sql, client_id, labels)? > 0 {
        sql.execute(
            "UPDATE clients SET labels_changed = ?2 WHERE client_id = ?1",
            params![client_id, at.saturating_mul(1000)],
        )?;
    }
    Ok(true)
}

pub(super) fn load(sql: &Connection, id: &str) -> Result<Option<Client>> {
    let mut statement =
        sql.prepare_cached(&format!("SELECT {COLUMNS} FROM clients c WHERE c.client_id = ?1"))?;
    Ok(statement.query_row([id], to_client).optional()?)
}

fn list(sql: &Connection, query: &ClientQuery) -> Result<Page<Client>> {
    let (mut condition, mut values) = condition(&query.filter);
    if let Some((inside, ids)) = &query.among {
        values.push(Value::Text(to_json(ids)?));
        let not = if *inside { "" } else { "NOT" };
        condition = format!(
            "({condition}) AND c.client_id {not} IN (SELECT value FROM json_each(?{}))",
            values.len()
        );
    }
    let total: i64 = sql
        .prepare_cached(&format!("SELECT count(*) FROM clients c WHERE {condition}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let order = match query.sort {
        ClientSort::Hostname => "c.hostname COLLATE NOCASE",
        ClientSort::LastSeen => "c.last_seen",
        ClientSort::FirstSeen => "c.first_seen",
        ClientSort::Os => "c.os",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    values.push(Value::Integer(clip(query.limit)));
    values.push(Value::Integer(clip(query.offset)));
    let (limit, offset) = (values.len() - 1, values.len());
    let mut statement = sql.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM clients c WHERE {condition}
         ORDER BY {order} {direction}, c.client_id {direction} LIMIT ?{limit} OFFSET ?{offset}"
    ))?;
    let items = statement
        .query_map(params_from_iter(&values), to_client)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Page {
        total: total.unsigned_abs(),
        items,
    })
}

/// A number for SQL, which has no unsigned ones.
pub(super) fn clip(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn condition(filter: &ClientFilter) -> (String, Vec<Value>) {
    let (text, pattern) = match filter {
        ClientFilter::All => return ("1".into(), Vec::new()),
        ClientFilter::NoLabels => {
            let text = "NOT EXISTS (SELECT 1 FROM client_labels l WHERE l.client_id = c.client_id)";
            return (text.into(), Vec::new());
        }
        ClientFilter::Any(text) => (
            "(c.hostname LIKE ?1 ESCAPE '\\' OR c.fqdn LIKE ?1 ESCAPE '\\' OR c.client_id LIKE ?1 ESCAPE '\\'
              OR c.last_ip LIKE ?1 ESCAPE '\\' OR c.facts ->> 'addresses' LIKE ?1 ESCAPE '\\')",
            format!("%{}%", escape_like(text)),
        ),
        ClientFilter::Host(pattern) => (
            "(c.hostname LIKE ?1 ESCAPE '\\' OR c.fqdn LIKE ?1 ESCAPE '\\')",
            open_glob(pattern),
        ),
        ClientFilter::Label(pattern) => (
            "EXISTS (SELECT 1 FROM client_labels l WHERE l.client_id = c.client_id AND l.folded LIKE ?1 ESCAPE '\\')",
            open_glob(&pattern.to_lowercase()),
        ),
        ClientFilter::Ip(pattern) => (
            "(c.last_ip LIKE ?1 ESCAPE '\\' OR EXISTS (SELECT 1 FROM json_each(c.facts, '$.addresses')
              WHERE value LIKE ?1 ESCAPE '\\'))",
            open_glob(pattern),
        ),
        ClientFilter::Mac(pattern) => (
            "EXISTS (SELECT 1 FROM json_each(c.facts, '$.mac_addresses') WHERE value LIKE ?1 ESCAPE '\\')",
            open_glob(pattern),
        ),
        ClientFilter::Id(pattern) => ("c.client_id LIKE ?1 ESCAPE '\\'", open_glob(pattern)),
        ClientFilter::Metadata(key, pattern) => {
            let text =
                "EXISTS (SELECT 1 FROM json_each(c.metadata) WHERE key = ?2 AND value LIKE ?1 ESCAPE '\\')";
            return (
                text.into(),
                vec![Value::Text(open_glob(pattern)), Value::Text(key.clone())],
            );
        }
    };
    (text.into(), vec![Value::Text(pattern)])
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// `*` matches anything; without any, the text is a prefix.
fn open_glob(pattern: &str) -> String {
    let escaped = escape_like(pattern);
    if escaped.contains('*') {
        escaped.replace('*', "%")
    } else {
        escaped + "%"
    }
}

fn to_client(row: &Row<'_>) -> rusqlite::Result<Client> {
    Ok(Client {
        client_id: row.get("client_id")?,
        facts: from_json(row, "facts")?,
        labels: from_json(row, "labels")?,
        last_ip: row.get("last_ip")?,
        first_seen: row.get("first_seen")?,
        last_seen: row.get("last_seen")?,
        last_interrogate_flow_id: row.get("last_interrogate_flow_id")?,
        event_table_version: row.get("event_table_version")?,
        labels_changed: row.get("labels_changed")?,
        metadata: from_json::<BTreeMap<String, String>>(row, "metadata")?,
    })
}
