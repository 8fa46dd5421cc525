//! Endpoints in SQL.

use super::record::{Client, ClientQuery, ClientSort, Touch};
use super::{filter, terms};
use crate::database::ClientStore;
use crate::model::{Micros, Page};
use crate::rows::delete_chunks;
use crate::sql::{ClientKey, Dialect, OrgDatabase, Row, Subject, Tx, Value, fold, to_json, values};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_base::OrgId;

#[async_trait]
impl ClientStore for OrgDatabase {
    async fn client_key(&self, client_id: &str) -> Result<Option<String>> {
        self.read_client(client_id, |tx, key| {
            tx.first(
                "SELECT pem FROM client_keys WHERE org_id = ?1 AND client_id = ?2",
                values![&key.org, &*key.client],
                |row| row.take(0),
            )
        })
        .await
    }

    async fn enrol(&self, client_id: &str, key_pem: &str, now: Micros) -> Result<bool> {
        let pem = key_pem.to_owned();
        self.write_client(client_id, move |tx, key| {
            tx.execute(
                "INSERT INTO client_keys (org_id, client_id, pem, enrolled) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (org_id, client_id) DO UPDATE SET pem = excluded.pem, enrolled = excluded.enrolled",
                values![&key.org, &*key.client, &pem, now],
            )?;
            let made = tx.execute(
                "INSERT INTO clients (org_id, client_id, first_seen, last_seen) VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING",
                values![&key.org, &*key.client, now],
            )?;
            Ok(made > 0)
        })
        .await
    }

    async fn client(&self, client_id: &str) -> Result<Option<Client>> {
        self.read_client(client_id, load).await
    }

    async fn clients(&self, query: ClientQuery) -> Result<Page<Client>> {
        self.read(move |tx, org| list(tx, org, &query)).await
    }

    async fn set_labels(
        &self,
        client_id: &str,
        add: &[String],
        remove: &[String],
        changed: i64,
    ) -> Result<Client> {
        let (add, remove) = (add.to_vec(), remove.to_vec());
        self.write_client(client_id, move |tx, key| {
            let mut client = load(tx, key)?.ok_or_else(|| Error::not_found("client", &*key.client))?;
            let before = client.labels.len();
            let removed: Vec<String> = remove.iter().map(|label| fold(label.trim())).collect();
            client.labels.retain(|label| !removed.contains(&fold(label)));
            let is_removed = client.labels.len() < before;
            if add_labels(&mut client.labels, &add) || is_removed {
                write_labels(tx, key, &client.labels, changed)?;
                client.labels_changed = changed;
            }
            Ok(client)
        })
        .await
    }

    async fn set_metadata(&self, client_id: &str, changes: &[(String, Option<String>)]) -> Result<Client> {
        let changes = changes.to_vec();
        self.write_client(client_id, move |tx, key| {
            let mut client = load(tx, key)?.ok_or_else(|| Error::not_found("client", &*key.client))?;
            for (name, value) in &changes {
                match value {
                    Some(value) => client.metadata.insert(name.clone(), value.clone()),
                    None => client.metadata.remove(name),
                };
            }
            tx.execute(
                "UPDATE clients SET metadata = ?3 WHERE org_id = ?1 AND client_id = ?2",
                values![&key.org, &*key.client, &to_json(&client.metadata)?],
            )?;
            terms::write_notes(tx, key, &client.metadata)?;
            Ok(client)
        })
        .await
    }

    async fn touch(&self, mut touches: Vec<Touch>) -> Result<()> {
        // In one order everywhere, so that two servers that do this do not wait for each other.
        touches.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        self.write(Subject::Nothing, move |tx, org| {
            for touch in &touches {
                tx.execute(
                    "UPDATE clients SET last_seen = CASE WHEN last_seen < ?3 THEN ?3 ELSE last_seen END,
                     last_ip = CASE WHEN ?4 = '' THEN last_ip ELSE ?4 END WHERE org_id = ?1 AND client_id = ?2",
                    values![org, &touch.client_id, touch.at, &touch.ip],
                )?;
            }
            Ok(())
        })
        .await
    }

    async fn set_event_table_version(&self, client_id: &str, version: i64) -> Result<()> {
        self.write_client(client_id, move |tx, key| {
            tx.execute(
                "UPDATE clients SET event_table_version = ?3 WHERE org_id = ?1 AND client_id = ?2",
                values![&key.org, &*key.client, version],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_client(&self, client_id: &str) -> Result<()> {
        self.write_client(client_id, |tx, key| {
            let key = values![&key.org, &*key.client];
            delete_chunks(
                tx,
                "set_id IN (SELECT id FROM result_sets WHERE org_id = ?1 AND client_id = ?2)",
                key,
            )?;
            for table in [
                "result_sets",
                "uploads",
                "open_uploads",
                "losses",
                "tasks",
                "flows",
                "client_terms",
                "client_keys",
                "clients",
            ] {
                tx.execute(
                    &format!("DELETE FROM {table} WHERE org_id = ?1 AND client_id = ?2"),
                    key,
                )?;
            }
            Ok(())
        })
        .await
    }
}

/// Adds labels that are not there, in order of their folded form; false when there was nothing to add.
pub(super) fn add_labels(labels: &mut Vec<String>, add: &[String]) -> bool {
    let before = labels.len();
    for label in add
        .iter()
        .map(|label| label.trim())
        .filter(|label| !label.is_empty())
    {
        if !labels.iter().any(|known| fold(known) == fold(label)) {
            labels.push(label.to_owned());
        }
    }
    labels.sort_by_cached_key(|label| fold(label));
    labels.len() > before
}

pub(super) fn write_labels(tx: &dyn Tx, key: &ClientKey, labels: &[String], changed: i64) -> Result<()> {
    tx.execute(
        "UPDATE clients SET labels = ?3, labels_changed = ?4 WHERE org_id = ?1 AND client_id = ?2",
        values![&key.org, &*key.client, &to_json(&labels)?, changed],
    )?;
    terms::write_labels(tx, key, labels)
}

pub(crate) fn load(tx: &dyn Tx, key: &ClientKey) -> Result<Option<Client>> {
    tx.first(
        "SELECT * FROM clients WHERE org_id = ?1 AND client_id = ?2",
        values![&key.org, &*key.client],
        to_client,
    )
}

fn list(tx: &dyn Tx, org: &OrgId, query: &ClientQuery) -> Result<Page<Client>> {
    let (mut condition, patterns) = filter::condition(&query.filter);
    let mut values: Vec<Value<'_>> = vec![Value::from(org)];
    values.extend(patterns.iter().map(Value::from));
    let ids = query.among.as_ref().map(|(_, ids)| to_json(ids)).transpose()?;
    if let (Some((is_inside, _)), Some(ids)) = (&query.among, &ids) {
        let not = if *is_inside { "" } else { "NOT" };
        values.push(Value::from(ids));
        let elements = elements(tx.dialect(), values.len());
        condition = format!("{condition} AND c.client_id {not} IN ({elements})");
    }
    let total: u64 = tx.one(
        &format!("SELECT count(*) FROM clients c WHERE {condition}"),
        &values,
    )?;
    let order = match query.sort {
        ClientSort::Hostname => "c.hostname_folded",
        ClientSort::LastSeen => "c.last_seen",
        ClientSort::FirstSeen => "c.first_seen",
        ClientSort::Os => "c.os",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    values.extend([Value::from(query.limit), Value::from(query.offset)]);
    let (limit, offset) = (values.len() - 1, values.len());
    let items = tx.all(
        &format!(
            "SELECT c.* FROM clients c WHERE {condition}
             ORDER BY {order} {direction}, c.client_id {direction} LIMIT ?{limit} OFFSET ?{offset}"
        ),
        &values,
        to_client,
    )?;
    Ok(Page { total, items })
}

/// The elements of a JSON list of texts. There may be more of them than a statement can have parameters.
fn elements(dialect: Dialect, parameter: usize) -> String {
    match dialect {
        Dialect::Sqlite => format!("SELECT value FROM json_each(?{parameter})"),
        Dialect::Postgres => format!("SELECT json_array_elements_text(CAST(?{parameter} AS json))"),
    }
}

fn to_client(row: &dyn Row) -> Result<Client> {
    Ok(Client {
        client_id: row.get("client_id")?,
        facts: row.json("facts")?,
        labels: row.json("labels")?,
        last_ip: row.get("last_ip")?,
        first_seen: row.get("first_seen")?,
        last_seen: row.get("last_seen")?,
        last_interrogate_flow_id: row.get("last_interrogate_flow_id")?,
        event_table_version: row.get("event_table_version")?,
        labels_changed: row.get("labels_changed")?,
        metadata: row.json("metadata")?,
    })
}
