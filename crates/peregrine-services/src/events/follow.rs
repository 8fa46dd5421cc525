//! Hears of event rows that other servers store.

use super::Arrival;
use crate::changes::{Change, Unstored, topics};
use crate::{Core, Result};
use peregrine_store::Received;
use tokio_util::sync::CancellationToken;

/// Tells the watches of this server what other servers store, until `stopping`.
pub async fn follow(core: &Core, stopping: &CancellationToken) -> Result<()> {
    let bus = &core.storage.bus;
    if !bus.is_shared() {
        stopping.cancelled().await;
        return Ok(());
    }
    let mut events = bus.subscribe(&[topics::CHANGES, topics::UNSTORED]).await?;
    loop {
        let received = tokio::select! {
            received = events.next() => received,
            () = stopping.cancelled() => return Ok(()),
        };
        match received {
            None => return Ok(()),
            Some(Received::Lagged) => core.watches.look_again(),
            Some(Received::Event(event)) if event.topic == topics::UNSTORED => {
                if let Ok(rows) = serde_json::from_str::<Unstored>(&event.payload)
                    && rows.server_id != core.membership.id()
                {
                    core.watches.deliver_unstored(&rows);
                }
            }
            Some(Received::Event(event)) => {
                if let Ok(change) = serde_json::from_str(&event.payload) {
                    hear(core, change);
                }
            }
        }
    }
}

fn hear(core: &Core, change: Change) {
    let Change::Rows {
        client_id,
        flow_id: None,
        source,
        set,
        total_rows,
        new_rows,
        server_id,
    } = change
    else {
        return;
    };
    if server_id == core.membership.id() {
        return;
    }
    core.watches.deliver(&source, || Arrival {
        rows: total_rows.saturating_sub(new_rows)..total_rows,
        source: source.as_str().into(),
        client_id,
        set,
        chunk: None,
    });
}
