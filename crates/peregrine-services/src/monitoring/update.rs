//! Sending a client its monitoring table when the one it runs is out of date.

use super::compile;
use crate::{Core, Result, clock};
use peregrine_artifacts::{Spec, Target};
use peregrine_proto::{VeloMessage, VqlCollectorArgs, VqlEventTable};
use peregrine_store::Client;
use peregrine_wire::ids;

/// After a table was sent, the agent may report the previous one for this many polls. Sending it again within that time would
/// make agents start the same queries twice, and every row would come twice.
const ON_ITS_WAY: i64 = 2;

/// The message for a client whose table is out of date. `reported` is the version the agent says it has: if that is still
/// older than the one sent after `ON_ITS_WAY` polls, the message was lost.
pub async fn update_for(core: &Core, client: &Client, reported: Option<u64>) -> Result<Option<VeloMessage>> {
    let table = core.monitoring.current();
    let wanted = table.version.max(client.labels_changed);
    let is_older =
        reported.is_some_and(|version| i64::try_from(version).unwrap_or(0) < client.event_table_version);
    let poll = i64::try_from(core.settings.max_poll.clamp(1, 3600)).unwrap_or(60) * 1_000_000_000;
    let lost = is_older
        && clock::now_ns().saturating_sub(client.event_table_version) > ON_ITS_WAY.saturating_mul(poll);
    if client.event_table_basis >= wanted && !lost {
        return Ok(None);
    }
    let specs = table.specs_for(&client.labels);
    let compiled = core.monitoring.compiled(&specs, requests(core, &specs)).await;
    let mut event = (*compiled).clone();
    for request in event.iter_mut().filter(|request| request.max_wait == 0) {
        // Randomised, so that agents do not all send at once.
        let settings = &core.settings;
        let spread = settings.event_max_wait_jitter.max(1);
        request.max_wait = settings.event_max_wait + clock::now().unsigned_abs() % spread;
    }
    // Always above the previous version, even if the clock goes back.
    let version = clock::now_ns().max(client.event_table_version.saturating_add(1));
    core.storage
        .database
        .set_event_table_version(&client.client_id, version, wanted)
        .await?;
    Ok(Some(VeloMessage {
        session_id: ids::MONITORING.into(),
        request_id: ids::request::QUERY,
        update_event_table: Some(VqlEventTable {
            event,
            version: version.unsigned_abs(),
        }),
        ..Default::default()
    }))
}

/// Compiles the requests. Artifacts that no longer compile are left out, so that the others still run.
async fn requests(core: &Core, specs: &[&Spec]) -> Vec<VqlCollectorArgs> {
    let mut event = Vec::new();
    for spec in specs {
        match compile(core, spec, Target::ClientEvents).await {
            Ok(requests) => event.extend(requests),
            Err(error) => tracing::warn!(artifact = spec.artifact, %error, "event artifact left out"),
        }
    }
    let total = i64::try_from(event.len()).unwrap_or(i64::MAX);
    for (request, number) in event.iter_mut().zip(1..) {
        request.query_id = number;
        request.total_queries = total;
    }
    event
}
