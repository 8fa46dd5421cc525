//! Endpoints in SQL.

use super::record::{Claim, Client, ClientFacts, ClientQuery, Contact, Held, NewClient, SearchField, Touch};
use super::{facts, recent, search, suggest, terms};
use crate::database::ClientStore;
use crate::model::{Micros, Page};
use crate::rows::delete_chunks;
use crate::servers;
use crate::sql::{
    ClientKey, Next, OrgDatabase, Row, Subject, Tx, Value, fold, pieces, places, to_json, values,
};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_base::{ClientId, OrgId};
use std::collections::HashMap;

#[async_trait]
impl ClientStore for OrgDatabase {
    async fn client_key(&self, client_id: &ClientId) -> Result<Option<String>> {
        self.read_client(client_id, |tx, key| {
            tx.first(
                "SELECT pem FROM client_keys WHERE org_id = ?1 AND client_id = ?2",
                values![&key.org, &key.client],
                |row| row.take(0),
            )
        })
        .await
    }

    async fn enrol(&self, client_id: &ClientId, key_pem: &str, now: Micros) -> Result<bool> {
        let pem = key_pem.to_owned();
        self.write_client(client_id, move |tx, key| {
            tx.execute(
                "INSERT INTO client_keys (org_id, client_id, pem, enrolled) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (org_id, client_id) DO UPDATE SET pem = excluded.pem, enrolled = excluded.enrolled",
                values![&key.org, &key.client, &pem, now],
            )?;
            let made = tx.execute(
                "INSERT INTO clients (org_id, client_id, first_seen, last_seen) VALUES (?1, ?2, ?3, ?3) ON CONFLICT DO NOTHING",
                values![&key.org, &key.client, now],
            )?;
            if made > 0 {
                terms::write(tx, key)?;
            }
            Ok(made > 0)
        })
        .await
    }

    async fn create_client(&self, client: NewClient) -> Result<bool> {
        let client_id = client.client_id.clone();
        self.write_client(&client_id, move |tx, key| {
            let made = tx.execute(
                "INSERT INTO clients (org_id, client_id, first_seen, last_seen) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                values![&key.org, &key.client, client.first_seen, client.last_seen],
            )?;
            if made > 0 {
                facts::merge_facts(tx, key, &client.facts, &client.labels, None, client.first_seen)?;
                if client.facts == ClientFacts::default() && client.labels.is_empty() {
                    terms::write(tx, key)?;
                }
            }
            Ok(made > 0)
        })
        .await
    }

    async fn client(&self, client_id: &ClientId) -> Result<Option<Client>> {
        self.read_client(client_id, load).await
    }

    async fn clients(&self, query: ClientQuery) -> Result<Page<Client>> {
        self.read(move |tx, org| list(tx, org, &query)).await
    }

    async fn search_terms(&self, field: SearchField, prefix: &str, limit: u64) -> Result<Vec<String>> {
        let prefix = prefix.to_owned();
        self.read(move |tx, org| suggest::terms(tx, org, &field, &prefix, limit))
            .await
    }

    async fn open_client(&self, client_id: &ClientId, user: &str, now: Micros) -> Result<()> {
        let name = user.to_owned();
        if self
            .read_client(client_id, move |tx, key| recent::is_last(tx, key, &name))
            .await?
        {
            return Ok(());
        }
        let name = user.to_owned();
        self.write_client(client_id, move |tx, key| recent::open(tx, key, &name, now))
            .await
    }

    async fn client_names(&self, client_ids: Vec<ClientId>) -> Result<HashMap<ClientId, String>> {
        self.read(move |tx, org| names(tx, org, &client_ids)).await
    }

    async fn set_labels(
        &self,
        client_id: &ClientId,
        add: &[String],
        remove: &[String],
        now: i64,
    ) -> Result<Client> {
        let (add, remove) = (add.to_vec(), remove.to_vec());
        self.write_client(client_id, move |tx, key| {
            let mut client = load(tx, key)?.ok_or_else(|| Error::not_found("client", &key.client))?;
            let before = client.labels.len();
            let removed: Vec<String> = remove.iter().map(|label| fold(label.trim())).collect();
            client.labels.retain(|label| !removed.contains(&fold(label)));
            let is_removed = client.labels.len() < before;
            if add_labels(&mut client.labels, &add) || is_removed {
                let changed = labels_changed(&client, now);
                write_labels(tx, key, &client.labels, changed)?;
                terms::write(tx, key)?;
                client.labels_changed = changed;
            }
            Ok(client)
        })
        .await
    }

    async fn set_metadata(
        &self,
        client_id: &ClientId,
        changes: &[(String, Option<String>)],
    ) -> Result<Client> {
        let changes = changes.to_vec();
        self.write_client(client_id, move |tx, key| {
            let mut client = load(tx, key)?.ok_or_else(|| Error::not_found("client", &key.client))?;
            for (name, value) in &changes {
                match value {
                    Some(value) => client.metadata.insert(name.clone(), value.clone()),
                    None => client.metadata.remove(name),
                };
            }
            tx.execute(
                "UPDATE clients SET metadata = ?3 WHERE org_id = ?1 AND client_id = ?2",
                values![&key.org, &key.client, &to_json(&client.metadata)?],
            )?;
            terms::write(tx, key)?;
            Ok(client)
        })
        .await
    }

    async fn touch(&self, server_id: &str, mut touches: Vec<Touch>) -> Result<Vec<ClientId>> {
        // Always in the same order, so that two servers doing this do not deadlock.
        touches.sort_by(|a, b| a.client_id.cmp(&b.client_id));
        let server = server_id.to_owned();
        self.write(Subject::Nothing, move |tx, org| {
            // The row this updates is also the lock against another server that gives this one up at the same time.
            let is_listed = servers::beat(tx, &server)?;
            let mut changed = Vec::new();
            for touch in &touches {
                if contact(tx, org, is_listed.then_some(&server), touch)? {
                    changed.push(touch.client_id.clone());
                }
            }
            Ok(changed)
        })
        .await
    }

    async fn set_event_table_version(&self, client_id: &ClientId, version: i64, basis: i64) -> Result<()> {
        self.write_client(client_id, move |tx, key| {
            tx.execute(
                "UPDATE clients SET event_table_version = ?3, event_table_basis = ?4 WHERE org_id = ?1 AND client_id = ?2",
                values![&key.org, &key.client, version, basis],
            )?;
            Ok(())
        })
        .await
    }

    async fn delete_client(&self, client_id: &ClientId) -> Result<()> {
        self.write_client(client_id, |tx, key| {
            terms::delete(tx, key)?;
            let key = values![&key.org, &key.client];
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
                "completions",
                "flows",
                "hunt_clients",
                "recent_clients",
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

/// The time to record for a change of labels: later than the basis of the table that was last sent.
pub(super) fn labels_changed(client: &Client, now: i64) -> i64 {
    now.max(client.event_table_basis.saturating_add(1))
}

/// Records a sign of life; true if it brought the client online or took it offline. For a server that the others have
/// given up (`None`), only records when the client was heard.
fn contact(tx: &dyn Tx, org: &OrgId, server: Option<&String>, touch: &Touch) -> Result<bool> {
    let found = tx.first(
        "UPDATE clients SET last_seen = CASE WHEN last_seen < ?3 THEN ?3 ELSE last_seen END,
         last_ip = CASE WHEN ?4 = '' THEN last_ip ELSE ?4 END,
         ip_indexed = ip_indexed AND (?4 = '' OR last_ip = ?4) WHERE org_id = ?1 AND client_id = ?2
         RETURNING server_id, held_session, held_since, ip_indexed",
        values![org, &touch.client_id, touch.at, &touch.ip],
        |row| Ok((to_held(row)?, row.get::<bool>("ip_indexed")?)),
    )?;
    let Some((before, ip_is_indexed)) = found else {
        return Ok(false);
    };
    if !ip_is_indexed {
        index_ip(tx, org, &touch.client_id)?;
    }
    let Some(server) = server else {
        return Ok(false);
    };
    let after = held(before.as_ref(), server, touch.contact);
    if after == before {
        return Ok(false);
    }
    let claim = after.as_ref().and_then(|held| held.claim);
    let (session, since) = (
        claim.map(|claim| claim.session.cast_signed()),
        claim.map(|claim| claim.timestamp),
    );
    let server_of = |held: &Option<Held>| held.as_ref().map(|held| held.server_id.clone());
    if server_of(&after) == server_of(&before) {
        // Not the server, which is in the indexes of lists: agents poll often.
        tx.execute(
            "UPDATE clients SET held_session = ?3, held_since = ?4 WHERE org_id = ?1 AND client_id = ?2",
            values![org, &touch.client_id, session, since],
        )?;
    } else {
        tx.execute(
            "UPDATE clients SET server_id = ?3, held_session = ?4, held_since = ?5 WHERE org_id = ?1 AND client_id = ?2",
            values![org, &touch.client_id, server_of(&after).as_ref(), session, since],
        )?;
    }
    Ok(after.is_some() != before.is_some())
}

/// Lets searches find the client by the address of its last request.
fn index_ip(tx: &dyn Tx, org: &OrgId, client_id: &ClientId) -> Result<()> {
    let key = ClientKey {
        org: org.clone(),
        client: client_id.clone(),
    };
    terms::write(tx, &key)?;
    tx.execute(
        "UPDATE clients SET ip_indexed = ?3 WHERE org_id = ?1 AND client_id = ?2",
        values![org, client_id, true],
    )?;
    Ok(())
}

/// The server that holds the connection after this contact.
fn held(before: Option<&Held>, server: &str, contact: Contact) -> Option<Held> {
    let here = |claim| {
        Some(Held {
            server_id: server.to_owned(),
            claim,
        })
    };
    let is_elsewhere = before.is_some_and(|held| held.server_id != server);
    match contact {
        Contact::Waits(claim) => {
            let is_old = before
                .and_then(|held| held.claim)
                .is_some_and(|known| known.session == claim.session && known.timestamp > claim.timestamp);
            if is_old {
                before.cloned()
            } else {
                here(Some(claim))
            }
        }
        Contact::Pauses | Contact::Left if is_elsewhere => before.cloned(),
        Contact::Pauses => here(None),
        Contact::Left => None,
    }
}

/// Adds labels that are not there yet, sorted by their folded form; false if nothing was added.
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
        values![&key.org, &key.client, &to_json(&labels)?, changed],
    )?;
    Ok(())
}

pub(crate) fn load(tx: &dyn Tx, key: &ClientKey) -> Result<Option<Client>> {
    tx.first(
        "SELECT * FROM clients WHERE org_id = ?1 AND client_id = ?2",
        values![&key.org, &key.client],
        to_client,
    )
}

fn list(tx: &dyn Tx, org: &OrgId, query: &ClientQuery) -> Result<Page<Client>> {
    let page = search::page(tx, org, query)?;
    let mut clients = HashMap::with_capacity(page.items.len());
    for some in pieces(&page.items) {
        let mut values = vec![Value::from(org)];
        values.extend(some.iter().map(|client| Value::from(*client)));
        let statement = format!(
            "SELECT * FROM clients WHERE org_id = ?1 AND client_id IN ({})",
            places(2, some.len())
        );
        tx.query(&statement, &values, &mut |row| {
            let client = to_client(row)?;
            clients.insert(client.client_id.clone(), client);
            Ok(Next::Row)
        })?;
    }
    let items = page
        .items
        .iter()
        .filter_map(|client_id| clients.remove(client_id));
    Ok(Page {
        total: page.total,
        items: items.collect(),
    })
}

fn names(tx: &dyn Tx, org: &OrgId, client_ids: &[ClientId]) -> Result<HashMap<ClientId, String>> {
    let mut found = HashMap::new();
    for some in pieces(client_ids) {
        let mut values = vec![Value::from(org)];
        values.extend(some.iter().map(|client| Value::from(*client)));
        let statement = format!(
            "SELECT client_id, facts FROM clients WHERE org_id = ?1 AND client_id IN ({})",
            places(2, some.len())
        );
        found.extend(tx.all(&statement, &values, |row| {
            let facts: ClientFacts = row.json("facts")?;
            let name = if facts.fqdn.is_empty() {
                facts.hostname
            } else {
                facts.fqdn
            };
            Ok((row.get("client_id")?, name))
        })?);
    }
    Ok(found)
}

fn to_held(row: &dyn Row) -> Result<Option<Held>> {
    let Some(server_id) = row.get("server_id")? else {
        return Ok(None);
    };
    let session: Option<i64> = row.get("held_session")?;
    let claim = session.zip(row.get("held_since")?);
    Ok(Some(Held {
        server_id,
        claim: claim.map(|(session, timestamp)| Claim {
            session: session.cast_unsigned(),
            timestamp,
        }),
    }))
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
        held: to_held(row)?,
        event_table_version: row.get("event_table_version")?,
        event_table_basis: row.get("event_table_basis")?,
        labels_changed: row.get("labels_changed")?,
        metadata: row.json("metadata")?,
    })
}
