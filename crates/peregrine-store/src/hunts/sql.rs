//! Hunts in SQL.

use super::condition::{self, Folded};
use super::record::*;
use super::{join, members, results};
use crate::database::HuntStore;
use crate::flows::{Flow, Task};
use crate::model::{Micros, Page};
use crate::sql::{OrgDatabase, Row, Subject, Tx, Value, escape_like, fold, places, to_json, values};
use crate::{Error, Result};
use async_trait::async_trait;
use peregrine_base::{ClientId, FlowId, HuntId, OrgId};
use std::collections::HashMap;

impl OrgDatabase {
    /// Changes a hunt or who takes part in it; such writes for the same hunt run one after the other.
    async fn write_hunt<T: Send + 'static>(
        &self,
        hunt_id: &HuntId,
        mut work: impl FnMut(&dyn Tx, &OrgId, &HuntId) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let hunt_id = hunt_id.clone();
        let subject = Subject::Hunt(self.org.clone(), hunt_id.clone());
        self.write(subject, move |tx, org| work(tx, org, &hunt_id)).await
    }

    async fn read_hunt<T: Send + 'static>(
        &self,
        hunt_id: &HuntId,
        mut work: impl FnMut(&dyn Tx, &OrgId, &HuntId) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let hunt_id = hunt_id.clone();
        self.read(move |tx, org| work(tx, org, &hunt_id)).await
    }
}

#[async_trait]
impl HuntStore for OrgDatabase {
    async fn create_hunt(&self, hunt: Hunt, payload: HuntPayload) -> Result<()> {
        let hunt_id = hunt.hunt_id.clone();
        self.write_hunt(&hunt_id, move |tx, org, _| insert(tx, org, &hunt, &payload))
            .await
    }

    async fn hunt(&self, hunt_id: &HuntId) -> Result<Option<Hunt>> {
        self.read_hunt(hunt_id, load).await
    }

    async fn hunt_payload(&self, hunt_id: &HuntId) -> Result<Option<HuntPayload>> {
        self.read_hunt(hunt_id, |tx, org, hunt_id| {
            tx.first(
                "SELECT task, sealed FROM hunt_payloads WHERE org_id = ?1 AND hunt_id = ?2",
                values![org, hunt_id],
                |row| {
                    Ok(HuntPayload {
                        task: row.take(0)?,
                        sealed: row.take(1)?,
                    })
                },
            )
        })
        .await
    }

    async fn hunts(&self, query: HuntQuery) -> Result<Page<Hunt>> {
        self.read(move |tx, org| list(tx, org, &query)).await
    }

    async fn running_hunts(&self) -> Result<Vec<RunningHunt>> {
        self.read(|tx, org| {
            tx.all(
                "SELECT hunt_id, expires FROM hunts WHERE org_id = ?1 AND state = 2 ORDER BY hunt_id",
                values![org],
                |row| {
                    Ok(RunningHunt {
                        hunt_id: row.take(0)?,
                        expires: row.take(1)?,
                    })
                },
            )
        })
        .await
    }

    async fn change_hunt(&self, hunt_id: &HuntId, change: HuntChange, now: Micros) -> Result<Hunt> {
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            let hunt = load(tx, org, hunt_id)?.ok_or_else(|| Error::not_found("hunt", hunt_id))?;
            update(tx, org, changed(hunt, &change, now))?;
            join::stop_if_full(tx, org, hunt_id)?;
            load(tx, org, hunt_id)?.ok_or_else(|| Error::not_found("hunt", hunt_id))
        })
        .await
    }

    async fn expire_hunt(&self, hunt_id: &HuntId, now: Micros) -> Result<bool> {
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            let found = tx.execute(
                "UPDATE hunts SET state = 3, stop_reason = ?4
                 WHERE org_id = ?1 AND hunt_id = ?2 AND state = 2 AND expires <= ?3",
                values![org, hunt_id, now, "it has expired"],
            )?;
            Ok(found > 0)
        })
        .await
    }

    async fn delete_hunt(&self, hunt_id: &HuntId) -> Result<bool> {
        self.write_hunt(hunt_id, |tx, org, hunt_id| {
            let deleted = tx.execute(
                "DELETE FROM hunts WHERE org_id = ?1 AND hunt_id = ?2
                 AND NOT EXISTS (SELECT 1 FROM hunt_clients WHERE org_id = ?1 AND hunt_id = ?2)",
                values![org, hunt_id],
            )?;
            if deleted > 0 {
                tx.execute(
                    "DELETE FROM hunt_payloads WHERE org_id = ?1 AND hunt_id = ?2",
                    values![org, hunt_id],
                )?;
            }
            Ok(deleted > 0)
        })
        .await
    }

    async fn hunt_candidates(&self, hunt_id: &HuntId, which: Candidates) -> Result<Vec<ClientId>> {
        self.read_hunt(hunt_id, move |tx, org, hunt_id| {
            let Some(hunt) = load(tx, org, hunt_id)?.filter(|hunt| hunt.state == HuntState::Running) else {
                return Ok(Vec::new());
            };
            condition::candidates(tx, org, hunt_id, &Folded::from(&hunt.condition), &which)
        })
        .await
    }

    async fn count_matching(&self, condition: HuntCondition) -> Result<Matching> {
        let folded = Folded::from(&condition);
        self.read(move |tx, org| condition::count(tx, org, &folded)).await
    }

    async fn join_hunt(
        &self,
        hunt_id: &HuntId,
        clients: Vec<ClientId>,
        admission: Admission,
        now: Micros,
    ) -> Result<Joined> {
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            join::join(tx, org, hunt_id, &clients, admission, now)
        })
        .await
    }

    async fn attach_flow(
        &self,
        hunt_id: &HuntId,
        client_id: &ClientId,
        flow_id: &FlowId,
        now: Micros,
    ) -> Result<Attached> {
        let (client, flow) = (client_id.clone(), flow_id.clone());
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            join::attach(tx, org, hunt_id, &client, &flow, now)
        })
        .await
    }

    async fn relaunch_in_hunt(&self, hunt_id: &HuntId, flow: Flow, task: Task) -> Result<bool> {
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            join::relaunch(tx, org, hunt_id, &flow, &task)
        })
        .await
    }

    async fn hunt_members(&self, query: MemberQuery) -> Result<Page<Member>> {
        self.read(move |tx, org| members::list(tx, org, &query)).await
    }

    async fn last_joined(&self, client_ids: &[ClientId]) -> Result<HashMap<ClientId, Micros>> {
        let clients = client_ids.to_vec();
        self.read(move |tx, org| members::last_joined(tx, org, &clients))
            .await
    }

    async fn flows_of_hunt(
        &self,
        hunt_id: &HuntId,
        after: Option<ClientId>,
        limit: u64,
    ) -> Result<StartedPage> {
        self.read_hunt(hunt_id, move |tx, org, hunt_id| {
            members::started(tx, org, hunt_id, after.as_ref(), limit)
        })
        .await
    }

    async fn drop_hunt_members(&self, hunt_id: &HuntId, clients: Vec<ClientId>) -> Result<()> {
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            members::delete(tx, org, hunt_id, &clients)
        })
        .await
    }

    async fn hunts_of_flows(&self, flows: Vec<(ClientId, FlowId)>) -> Result<Vec<HuntId>> {
        self.read(move |tx, org| members::hunts_of_flows(tx, org, &flows))
            .await
    }

    async fn count_hunt(&self, hunt_id: &HuntId) -> Result<bool> {
        let counted = self
            .read_hunt(hunt_id, |tx, org, hunt_id| {
                // Before counting: if another server stores what it counted meanwhile, this one does not replace it.
                let version: Option<i64> = tx.first(
                    "SELECT totals_version FROM hunts WHERE org_id = ?1 AND hunt_id = ?2",
                    values![org, hunt_id],
                    |row| row.take(0),
                )?;
                Ok(match version {
                    Some(version) => Some((version, members::count(tx, org, hunt_id)?)),
                    None => None,
                })
            })
            .await?;
        let Some((version, totals)) = counted else {
            return Ok(true);
        };
        let totals = to_json(&totals)?;
        self.write_hunt(hunt_id, move |tx, org, hunt_id| {
            let stored = tx.execute(
                "UPDATE hunts SET totals = ?4, totals_version = totals_version + 1
                 WHERE org_id = ?1 AND hunt_id = ?2 AND totals_version = ?3",
                values![org, hunt_id, version, &totals],
            )?;
            Ok(stored > 0)
        })
        .await
    }

    async fn hunt_sources(&self, hunt_id: &HuntId) -> Result<Vec<HuntSource>> {
        self.read_hunt(hunt_id, results::sources).await
    }

    async fn hunt_sets(&self, hunt_id: &HuntId, source: &str) -> Result<Vec<HuntSet>> {
        let source = source.to_owned();
        self.read_hunt(hunt_id, move |tx, org, hunt_id| {
            results::sets(tx, org, hunt_id, &source)
        })
        .await
    }
}

/// Clients that may still join before the limit is reached.
pub(super) fn places_left(hunt: &Hunt) -> u64 {
    match hunt.client_limit {
        0 => u64::MAX,
        limit => limit.saturating_sub(hunt.joined),
    }
}

fn insert(tx: &dyn Tx, org: &OrgId, hunt: &Hunt, payload: &HuntPayload) -> Result<()> {
    let made = tx.execute(
        "INSERT INTO hunts (org_id, hunt_id, state, description, creator, tags, created, started, expires, condition,
         client_limit, request, artifacts, sources, urgent, version, search_folded)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT DO NOTHING",
        values![
            org,
            &hunt.hunt_id,
            state_number(hunt.state),
            &hunt.description,
            &hunt.creator,
            &to_json(&hunt.tags)?,
            hunt.created,
            hunt.started,
            hunt.expires,
            &to_json(&hunt.condition)?,
            hunt.client_limit,
            &hunt.request,
            &to_json(&hunt.artifacts)?,
            &to_json(&hunt.sources)?,
            hunt.urgent,
            hunt.version,
            &search_text(hunt)?
        ],
    )?;
    if made == 0 {
        return Err(Error::Exists {
            what: "hunt",
            id: hunt.hunt_id.to_string(),
        });
    }
    tx.execute(
        "INSERT INTO hunt_payloads (org_id, hunt_id, task, sealed) VALUES (?1, ?2, ?3, ?4)",
        values![org, &hunt.hunt_id, &payload.task, payload.sealed.as_ref()],
    )?;
    Ok(())
}

fn search_text(hunt: &Hunt) -> Result<String> {
    let (tags, artifacts) = (to_json(&hunt.tags)?, to_json(&hunt.artifacts)?);
    Ok(fold(&format!(
        "{}\n{}\n{}\n{tags}\n{artifacts}",
        hunt.hunt_id, hunt.description, hunt.creator
    )))
}

fn changed(mut hunt: Hunt, change: &HuntChange, now: Micros) -> Hunt {
    if let Some(state) = change.state {
        hunt.state = state;
        hunt.stop_reason = None;
        if state == HuntState::Running {
            hunt.started = Some(now);
        }
    }
    if let Some(description) = &change.description {
        hunt.description.clone_from(description);
    }
    if let Some(tags) = &change.tags {
        hunt.tags.clone_from(tags);
    }
    hunt.expires = change.expires.unwrap_or(hunt.expires);
    hunt.client_limit = change.client_limit.unwrap_or(hunt.client_limit);
    hunt.version = now.saturating_mul(1000).max(hunt.version.saturating_add(1));
    hunt
}

fn update(tx: &dyn Tx, org: &OrgId, hunt: Hunt) -> Result<()> {
    tx.execute(
        "UPDATE hunts SET state = ?3, stop_reason = ?4, description = ?5, tags = ?6, started = ?7, expires = ?8, client_limit = ?9,
         version = ?10, search_folded = ?11 WHERE org_id = ?1 AND hunt_id = ?2",
        values![
            org,
            &hunt.hunt_id,
            state_number(hunt.state),
            hunt.stop_reason.as_ref(),
            &hunt.description,
            &to_json(&hunt.tags)?,
            hunt.started,
            hunt.expires,
            hunt.client_limit,
            hunt.version,
            &search_text(&hunt)?
        ],
    )?;
    Ok(())
}

pub(super) fn load(tx: &dyn Tx, org: &OrgId, hunt_id: &HuntId) -> Result<Option<Hunt>> {
    tx.first(
        "SELECT * FROM hunts WHERE org_id = ?1 AND hunt_id = ?2",
        values![org, hunt_id],
        to_hunt,
    )
}

fn list(tx: &dyn Tx, org: &OrgId, query: &HuntQuery) -> Result<Page<Hunt>> {
    let search = query
        .search
        .as_ref()
        .map(|text| format!("%{}%", escape_like(&fold(text))));
    let mut conditions = vec!["org_id = ?1".to_owned()];
    let mut values: Vec<Value<'_>> = vec![org.into()];
    if !query.states.is_empty() {
        let among = places(values.len() + 1, query.states.len());
        values.extend(query.states.iter().map(|state| Value::from(state_number(*state))));
        conditions.push(format!("state IN ({among})"));
    }
    if let Some(pattern) = &search {
        values.push(pattern.into());
        conditions.push(format!("search_folded LIKE ?{} ESCAPE '\\'", values.len()));
    }
    let condition = conditions.join(" AND ");
    let total = tx.one(&format!("SELECT count(*) FROM hunts WHERE {condition}"), &values)?;
    let order = match query.sort {
        HuntSort::Created => "created",
        HuntSort::Started => "coalesce(started, 0)",
        HuntSort::Expires => "expires",
        HuntSort::Description => "lower(description)",
        HuntSort::Creator => "lower(creator)",
        HuntSort::State => "state",
        HuntSort::Joined => "joined",
    };
    let direction = if query.descending { "DESC" } else { "ASC" };
    values.extend([Value::from(query.limit), Value::from(query.offset)]);
    let (limit, offset) = (values.len() - 1, values.len());
    let items = tx.all(
        &format!(
            "SELECT * FROM hunts WHERE {condition}
             ORDER BY {order} {direction}, hunt_id {direction} LIMIT ?{limit} OFFSET ?{offset}"
        ),
        &values,
        to_hunt,
    )?;
    Ok(Page { total, items })
}

fn to_hunt(row: &dyn Row) -> Result<Hunt> {
    Ok(Hunt {
        hunt_id: row.get("hunt_id")?,
        state: state_of(row.get("state")?),
        stop_reason: row.get("stop_reason")?,
        description: row.get("description")?,
        creator: row.get("creator")?,
        tags: row.json("tags")?,
        created: row.get("created")?,
        started: row.get("started")?,
        expires: row.get("expires")?,
        condition: row.json("condition")?,
        client_limit: row.get("client_limit")?,
        request: row.get("request")?,
        artifacts: row.json("artifacts")?,
        sources: row.json("sources")?,
        urgent: row.get("urgent")?,
        version: row.get("version")?,
        joined: row.get("joined")?,
        totals: row.json("totals")?,
    })
}

fn state_number(state: HuntState) -> i64 {
    match state {
        HuntState::Paused => 1,
        HuntState::Running => 2,
        HuntState::Stopped => 3,
        HuntState::Archived => 4,
    }
}

pub(super) fn state_of(number: i64) -> HuntState {
    match number {
        1 => HuntState::Paused,
        2 => HuntState::Running,
        4 => HuntState::Archived,
        _ => HuntState::Stopped,
    }
}
