//! Hunts as the API shows them.

use super::{condition, get};
use crate::flows;
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, clock};
use peregrine_api::hunts::{self as api, HuntDetail, HuntPage, HuntsQuery};
use peregrine_store::{Hunt, HuntId, HuntQuery, HuntSort, HuntState, HuntTotals};

/// Most hunts of a page, and how many a page has that does not say.
const MAX_PAGE: u64 = 1000;
const PAGE: u64 = 100;

/// A page of hunts.
pub async fn list(core: &Core, principal: &Principal, query: HuntsQuery) -> Result<HuntPage> {
    principal.authorize(Permission::ReadResults)?;
    let found = core.storage.database.hunts(parse(query)?).await?;
    Ok(HuntPage {
        total: found.total,
        hunts: found.items.into_iter().map(view).collect(),
    })
}

/// Everything about a hunt except its secrets.
pub async fn show(core: &Core, principal: &Principal, hunt_id: &HuntId) -> Result<HuntDetail> {
    principal.authorize(Permission::ReadResults)?;
    let hunt = get(core, hunt_id).await?;
    let (request, limits) = flows::request_and_limits(&hunt.request);
    Ok(HuntDetail {
        hunt: view(hunt),
        limits,
        request,
    })
}

/// The summary of a hunt.
pub fn view(hunt: Hunt) -> api::Hunt {
    api::Hunt {
        hunt_id: hunt.hunt_id.into(),
        state: match hunt.state {
            HuntState::Paused => api::HuntState::Paused,
            HuntState::Running => api::HuntState::Running,
            HuntState::Stopped => api::HuntState::Stopped,
            HuntState::Archived => api::HuntState::Archived,
        },
        stop_reason: hunt.stop_reason,
        description: hunt.description,
        creator: hunt.creator,
        tags: hunt.tags,
        created: clock::show(hunt.created),
        started: hunt.started.map(clock::show),
        expires: clock::show(hunt.expires),
        condition: condition::shown(hunt.condition),
        client_limit: hunt.client_limit,
        artifacts: hunt.artifacts,
        sources: hunt.sources,
        urgent: hunt.urgent,
        totals: totals(hunt.totals),
    }
}

fn totals(totals: HuntTotals) -> api::HuntTotals {
    api::HuntTotals {
        scheduled: totals.scheduled,
        waiting: totals.waiting,
        running: totals.running,
        finished: totals.finished,
        errors: totals.errors,
        cancelled: totals.cancelled,
        deleted: totals.deleted,
        with_results: totals.with_results,
        rows: totals.rows,
        uploaded_files: totals.uploaded_files,
        uploaded_bytes: totals.uploaded_bytes,
    }
}

fn parse(query: HuntsQuery) -> Result<HuntQuery> {
    let states = match query.state.as_deref() {
        None | Some("") => vec![HuntState::Paused, HuntState::Running, HuntState::Stopped],
        Some("paused") => vec![HuntState::Paused],
        Some("running") => vec![HuntState::Running],
        Some("stopped") => vec![HuntState::Stopped],
        Some("archived") => vec![HuntState::Archived],
        Some("all") => Vec::new(),
        Some(other) => return Err(Error::BadRequest(format!("unknown state `{other}`"))),
    };
    let sort = match query.sort.as_deref() {
        None | Some("" | "created") => HuntSort::Created,
        Some("started") => HuntSort::Started,
        Some("expires") => HuntSort::Expires,
        Some("description") => HuntSort::Description,
        Some("creator") => HuntSort::Creator,
        Some("state") => HuntSort::State,
        Some("clients") => HuntSort::Joined,
        Some(other) => return Err(Error::BadRequest(format!("cannot sort hunts by `{other}`"))),
    };
    Ok(HuntQuery {
        search: query.search.filter(|text| !text.is_empty()),
        states,
        sort,
        // With neither `sort` nor `desc`, the newest come first.
        descending: query.desc.map_or(query.sort.is_none(), |text| text != "false"),
        offset: query.offset.unwrap_or(0),
        limit: query.limit.unwrap_or(PAGE).min(MAX_PAGE),
    })
}
