//! Hunts: collections from all clients that match a condition.
//!
//! A hunt is created here and stored with what it sends. Every server recruits the clients that are connected to it ([`recruit()`]);
//! the database lets each of them join at most once. From then on its collection is an ordinary one, and the hunt's totals are
//! counted from the collections ([`keep_totals`]).

mod change;
mod clients;
mod condition;
mod create;
mod delete;
mod recruit;
mod results;
mod take_part;
mod totals;
mod view;

pub use change::{archive, modify, stop};
pub use clients::list as clients;
pub use condition::estimate;
pub use create::{copy, create};
pub use delete::delete;
pub use recruit::recruit;
pub use results::{Results, sources};
pub use take_part::{add_client, add_flow, relaunch};
pub(crate) use totals::StaleHunts;
pub use totals::keep_totals;
pub use view::{list, show, view};

use crate::changes::{Change, announce, topics};
use crate::{Core, Error, Result};
use peregrine_store::{Hunt, HuntId};

/// One hunt, or [`Error::NotFound`].
async fn get(core: &Core, hunt_id: &HuntId) -> Result<Hunt> {
    let hunt = core.storage.database.hunt(hunt_id).await?;
    hunt.ok_or_else(|| Error::NotFound("hunt", hunt_id.to_string()))
}

/// Tells all servers that a hunt is another one now, so that they recruit for it or no longer do, and shows it.
async fn announce_changed(core: &Core, hunt_id: &HuntId) -> Result<()> {
    core.storage.bus.publish(topics::HUNTS, hunt_id.as_str()).await?;
    let hunt_id = hunt_id.clone();
    announce(core, &Change::Hunt { hunt_id }).await;
    Ok(())
}
