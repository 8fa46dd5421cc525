//! Creating a hunt: check, compile, store with what it sends, and start it if wanted.

use super::{announce_changed, condition, get};
use crate::flows;
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, audit, clock};
use peregrine_api::flows::CollectRequest;
use peregrine_api::hunts::NewHunt;
use peregrine_store::{Hunt, HuntCondition, HuntId, HuntPayload, HuntState, HuntTotals, Micros};
use peregrine_wire::ids;
use serde_json::json;
use std::collections::BTreeSet;

/// How long a hunt runs that does not say, if the server is not configured otherwise (h).
const DEFAULT_EXPIRY: u64 = 168;
/// Bytes of a description; tags, and bytes of each.
const MAX_DESCRIPTION: usize = 10_000;
const MAX_TAGS: usize = 50;
const MAX_TAG: usize = 200;
/// A single tag that means none.
const NO_TAGS: &str = "-";

/// Creates a hunt, which is paused unless it is to be started at once.
pub async fn create(core: &Core, principal: &Principal, new: &NewHunt) -> Result<HuntId> {
    let now = clock::now();
    let hunt = Draft {
        description: checked_description(&new.description)?,
        tags: checked_tags(&new.tags)?,
        condition: condition::checked(&new.condition)?,
        client_limit: new.client_limit,
        expires: match &new.expires {
            Some(text) => checked_expiry(text)?,
            None => default_expiry(core, now),
        },
        is_started: new.start,
    };
    if hunt.is_started && hunt.expires <= now {
        return Err(Error::BadRequest(
            "`expires` is in the past; give a later time".into(),
        ));
    }
    store(core, principal, hunt, &new.request, now).await
}

/// Creates a paused hunt with the request, the secrets and the condition of another one, compiled from the present definitions of
/// its artifacts.
pub async fn copy(core: &Core, principal: &Principal, hunt_id: &HuntId) -> Result<HuntId> {
    principal.authorize(Permission::CollectClient)?;
    let now = clock::now();
    let original = get(core, hunt_id).await?;
    let request = request_in_clear(core, &original).await?;
    let hunt = Draft {
        description: original.description,
        tags: original.tags,
        condition: original.condition,
        client_limit: original.client_limit,
        expires: default_expiry(core, now),
        is_started: false,
    };
    store(core, principal, hunt, &request, now).await
}

/// What a hunt is apart from its request, checked.
struct Draft {
    description: String,
    tags: Vec<String>,
    condition: HuntCondition,
    client_limit: u64,
    expires: Micros,
    is_started: bool,
}

async fn store(
    core: &Core,
    principal: &Principal,
    draft: Draft,
    request: &CollectRequest,
    now: Micros,
) -> Result<HuntId> {
    principal.authorize(match draft.is_started {
        true => Permission::StartHunt,
        false => Permission::CollectClient,
    })?;
    let authorized = flows::find(core, None, request)?.authorize(principal)?;
    let prepared = flows::prepare(core, request, &authorized).await?;
    let hunt_id = ids::new_hunt_id()?;
    let artifacts = authorized.redacted().into_iter();
    let hunt = Hunt {
        hunt_id: hunt_id.clone(),
        state: match draft.is_started {
            true => HuntState::Running,
            false => HuntState::Paused,
        },
        stop_reason: None,
        description: draft.description,
        creator: principal.name.clone(),
        tags: draft.tags,
        created: now,
        started: draft.is_started.then_some(now),
        expires: draft.expires,
        condition: draft.condition,
        client_limit: draft.client_limit,
        request: prepared.stored.clone(),
        artifacts: artifacts.map(|spec| spec.artifact).collect(),
        sources: prepared.sources.clone(),
        urgent: request.urgent,
        version: now.saturating_mul(1000),
        joined: 0,
        totals: HuntTotals::default(),
    };
    let sealed = match authorized.has_secrets() {
        true => Some(core.vault.seal(to_json(request)?.as_bytes())?),
        false => None,
    };
    let payload = HuntPayload {
        task: prepared.pack(core, &hunt_id.flow_id())?,
        sealed,
    };
    let details = json!({
        "description": hunt.description,
        "condition": hunt.condition,
        "client_limit": hunt.client_limit,
        "expires": clock::show(hunt.expires),
        "started": draft.is_started,
        "request": flows::redacted(request, &authorized),
    });
    core.storage.database.create_hunt(hunt, payload).await?;
    let detail = json!({"hunt_id": hunt_id, "details": details});
    audit::record(core, &principal.name, &principal.ip, "CreateHunt", detail).await?;
    core.new_hunts.add(hunt_id.clone());
    announce_changed(core, &hunt_id).await?;
    Ok(hunt_id)
}

/// The request of a hunt as its creator made it.
async fn request_in_clear(core: &Core, hunt: &Hunt) -> Result<CollectRequest> {
    let damaged =
        |error: serde_json::Error| Error::Internal(format!("a stored request does not decode: {error}"));
    let payload = core.storage.database.hunt_payload(&hunt.hunt_id).await?;
    match payload.and_then(|payload| payload.sealed) {
        Some(sealed) => serde_json::from_slice(&core.vault.open(&sealed)?).map_err(damaged),
        None => {
            let (request, _) = flows::request_and_limits(&hunt.request);
            serde_json::from_value(request).map_err(damaged)
        }
    }
}

fn to_json(request: &CollectRequest) -> Result<String> {
    serde_json::to_string(request).map_err(|error| Error::Internal(error.to_string()))
}

fn default_expiry(core: &Core, now: Micros) -> Micros {
    let hours = match core.settings.hunt_expiry_hours {
        0 => DEFAULT_EXPIRY,
        hours => hours,
    };
    let expiry = i64::try_from(hours)
        .unwrap_or(i64::MAX)
        .saturating_mul(3_600_000_000);
    now.saturating_add(expiry)
}

pub(super) fn checked_expiry(text: &str) -> Result<Micros> {
    clock::parse(text).ok_or_else(|| {
        Error::BadRequest(format!(
            "`expires` is `{text}`; give a time such as `2030-01-31T12:00:00Z`"
        ))
    })
}

pub(super) fn checked_description(text: &str) -> Result<String> {
    if text.len() > MAX_DESCRIPTION {
        return Err(Error::BadRequest(format!(
            "a description has at most {MAX_DESCRIPTION} bytes"
        )));
    }
    Ok(text.trim().to_owned())
}

/// Trimmed, sorted, and each once. The tag `-` alone removes all.
pub(super) fn checked_tags(tags: &[String]) -> Result<Vec<String>> {
    if tags.len() > MAX_TAGS || tags.iter().any(|tag| tag.len() > MAX_TAG) {
        return Err(Error::BadRequest(format!(
            "a hunt has at most {MAX_TAGS} tags, and each at most {MAX_TAG} bytes"
        )));
    }
    if tags == [NO_TAGS] {
        return Ok(Vec::new());
    }
    let trimmed = tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty());
    let sorted: BTreeSet<&str> = trimmed.collect();
    Ok(sorted.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_sorted_and_each_is_there_once() {
        let checked = |tags: &[&str]| {
            let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
            checked_tags(&tags)
        };
        assert_eq!(checked(&[" web", "db", "web ", " "]).unwrap(), ["db", "web"]);
        assert_eq!(checked(&["-"]).unwrap(), [""; 0]);
        assert_eq!(checked(&["-", "a"]).unwrap(), ["-", "a"]);
        assert!(checked(&["x"; MAX_TAGS + 1]).is_err());
    }
}
