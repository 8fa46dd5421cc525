//! The clients of a hunt, and why some have not answered.

use super::get;
use crate::flows::{self, SILENCE};
use crate::users::{Permission, Principal};
use crate::{Core, Error, Result, clock};
use peregrine_api::flows::FlowState;
use peregrine_api::hunts::{HuntClient, HuntClientPage, HuntClientsQuery, HuntWait, HuntWaitReason};
use peregrine_store::{Flow, HuntId, Member, MemberQuery, MemberSort, MemberState, Micros};

/// Most clients of a page, and how many a page has that does not say.
const MAX_PAGE: u64 = 1000;
const PAGE: u64 = 100;

/// A page of the clients of a hunt, each with the state of its collection.
pub async fn list(
    core: &Core,
    principal: &Principal,
    hunt_id: &HuntId,
    query: HuntClientsQuery,
) -> Result<HuntClientPage> {
    principal.authorize(Permission::ReadResults)?;
    get(core, hunt_id).await?;
    let now = clock::now();
    let found = core
        .storage
        .database
        .hunt_members(parse(hunt_id, query, now)?)
        .await?;
    Ok(HuntClientPage {
        total: found.total,
        clients: found
            .items
            .into_iter()
            .map(|member| to_api(member, now))
            .collect(),
    })
}

fn parse(hunt_id: &HuntId, query: HuntClientsQuery, now: Micros) -> Result<MemberQuery> {
    let state = match query.state.as_deref() {
        None | Some("") => None,
        Some("waiting") => Some(MemberState::Waiting),
        Some("in_progress") => Some(MemberState::InProgress),
        Some("unresponsive") => Some(MemberState::Unresponsive),
        Some("finished") => Some(MemberState::Finished),
        Some("error") => Some(MemberState::Error),
        Some("cancelled") => Some(MemberState::Cancelled),
        Some("deleted") => Some(MemberState::Deleted),
        Some(other) => return Err(Error::BadRequest(format!("unknown state `{other}`"))),
    };
    let sort = match query.sort.as_deref() {
        None | Some("" | "joined") => MemberSort::Joined,
        Some("hostname") => MemberSort::Hostname,
        Some("state") => MemberSort::State,
        Some("rows") => MemberSort::Rows,
        Some("uploaded_bytes") => MemberSort::UploadedBytes,
        Some("duration") => MemberSort::Duration,
        Some(other) => {
            return Err(Error::BadRequest(format!(
                "cannot sort the clients of a hunt by `{other}`"
            )));
        }
    };
    Ok(MemberQuery {
        hunt_id: hunt_id.clone(),
        client_id: None,
        search: query.search.filter(|text| !text.is_empty()),
        state,
        silent_since: now.saturating_sub(SILENCE),
        sort,
        descending: query.desc.is_some_and(|text| text != "false"),
        offset: query.offset.unwrap_or(0),
        limit: query.limit.unwrap_or(PAGE).min(MAX_PAGE),
    })
}

fn to_api(member: Member, now: Micros) -> HuntClient {
    let state = member.flow.as_ref().map(|flow| flows::state(flow, now));
    let waits = why_it_waits(&member, now).map(|(reason, since)| HuntWait {
        reason,
        since: clock::show(since),
    });
    let flow = member.flow.as_ref();
    let time = |of: fn(&Flow) -> Option<Micros>| flow.and_then(of).map(clock::show);
    let number = |of: fn(&Flow) -> u64| flow.map_or(0, of);
    HuntClient {
        online: member.is_online,
        joined: clock::show(member.joined),
        state,
        waits,
        status: flow.and_then(|flow| flow.status.clone()),
        started: time(|flow| flow.started.or(flow.delivered)),
        finished_at: time(|flow| flow.finished),
        duration_ms: flow.map_or(0, |flow| flow.duration_ns / 1_000_000),
        rows: number(|flow| flow.rows),
        uploaded_files: number(|flow| flow.uploaded_files),
        uploaded_bytes: number(|flow| flow.uploaded_bytes),
        client_id: member.client_id.into(),
        flow_id: member.flow_id.into(),
        hostname: member.hostname,
        fqdn: member.fqdn,
    }
}

/// Why a collection has no end, and since when.
fn why_it_waits(member: &Member, now: Micros) -> Option<(HuntWaitReason, Micros)> {
    let flow = member.flow.as_ref()?;
    let state = flows::state(flow, now);
    if !matches!(state, FlowState::Waiting | FlowState::Unresponsive) {
        return None;
    }
    if !member.is_online {
        return Some((HuntWaitReason::Offline, member.last_seen));
    }
    Some(match (state, flow.delivered) {
        (_, None) => (HuntWaitReason::NotDelivered, flow.created),
        (FlowState::Unresponsive, Some(delivered)) => {
            (HuntWaitReason::Silent, flow.heard.unwrap_or(delivered))
        }
        (_, Some(delivered)) => (HuntWaitReason::NoAnswer, delivered),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_store::testing::{client_id, flow_id};

    #[test]
    fn who_does_not_answer_has_a_reason() {
        let now = 10 * SILENCE;
        let why = |is_online, delivered, heard| {
            let flow = Flow {
                created: 1,
                delivered,
                heard,
                ..Flow::new(client_id("C.1"), flow_id("F.A.H"))
            };
            let member = Member {
                client_id: client_id("C.1"),
                hostname: String::new(),
                fqdn: String::new(),
                is_online,
                last_seen: 7,
                joined: 1,
                flow_id: flow_id("F.A.H"),
                flow: Some(flow),
            };
            why_it_waits(&member, now)
        };
        assert_eq!(why(false, None, None), Some((HuntWaitReason::Offline, 7)));
        assert_eq!(why(true, None, None), Some((HuntWaitReason::NotDelivered, 1)));
        assert_eq!(
            why(true, Some(now - 1), None),
            Some((HuntWaitReason::NoAnswer, now - 1))
        );
        assert_eq!(why(true, Some(2), None), Some((HuntWaitReason::Silent, 2)));
        assert_eq!(why(true, Some(2), Some(3)), Some((HuntWaitReason::Silent, 3)));
        assert_eq!(why(false, Some(2), Some(3)), Some((HuntWaitReason::Offline, 7)));
        assert_eq!(why(true, Some(2), Some(now - 1)), None, "it works on it");
    }
}
