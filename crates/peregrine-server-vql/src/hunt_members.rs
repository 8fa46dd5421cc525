//! The clients of a hunt, page by page.

use peregrine_engine::prelude::*;
use peregrine_store::{HuntId, Member, MemberQuery, MemberSort};

use crate::Stored;

/// Clients per read of the database.
const PAGE: u64 = 200;

/// Calls `show` with the clients in the order in which they joined, from the one with this number on and at most so many.
pub(crate) fn each_page(
    scope: &Scope,
    stored: &Stored,
    hunt_id: &HuntId,
    start: u64,
    limit: Option<u64>,
    mut show: impl FnMut(Vec<Member>) -> VqlResult<()>,
) -> VqlResult<()> {
    let mut left = limit.unwrap_or(u64::MAX);
    let mut offset = start;
    while left > 0 {
        scope.checkpoint()?;
        let query = MemberQuery {
            hunt_id: hunt_id.clone(),
            client_id: None,
            search: None,
            state: None,
            silent_since: 0,
            sort: MemberSort::Joined,
            descending: false,
            offset,
            limit: PAGE.min(left),
        };
        let page = stored.wait(stored.database.hunt_members(query))?.items;
        let count = page.len() as u64;
        offset = offset.saturating_add(count);
        left -= count;
        let is_last = count < PAGE;
        show(page)?;
        if is_last {
            break;
        }
    }
    Ok(())
}
