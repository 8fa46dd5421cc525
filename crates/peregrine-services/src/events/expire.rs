//! Deleting events when they are so old that nobody wants to keep them.

use crate::{Core, Result, clock, servers};
use peregrine_store::{Micros, SetId};

/// The duty of the server that deletes old events.
const DUTY: &str = "old events";
const DAY: Micros = 24 * 3600 * 1_000_000;

/// Deletes events, of machines and of the server, that are older than the deployment keeps them, if another server does not. It may be
/// cancelled, and goes on from there the next time.
pub async fn expire(core: &Core) -> Result<()> {
    let days = Micros::try_from(core.settings.event_days).unwrap_or(Micros::MAX);
    let database = &core.storage.database;
    if days == 0 || !database.take_duty(DUTY, servers::this_server(core)).await? {
        return Ok(());
    }
    let before = clock::now().saturating_sub(days.saturating_mul(DAY));
    let mut after = Some(SetId::default());
    while let Some(set) = after {
        after = database.delete_events_before(before, set).await?;
    }
    Ok(())
}
