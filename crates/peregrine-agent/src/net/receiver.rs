//! The receiving loop: asks the server's `reader` endpoint for work and hands it to the executor.

use crate::host::HostFacts;
use crate::net::connector::{Connector, Outcome};
use crate::net::retry::Retry;
use crate::net::transport::Channel;
use crate::work::executor::Executor;
use peregrine_proto::{ForemanCheckin, VeloMessage, VqlRequest, VqlResponse};
use peregrine_wire::{ids, pack};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pause after an answer that brought work; bounds the load when a server always has some.
const AFTER_WORK: Duration = Duration::from_millis(50);
/// How often the server is asked until it knows us.
const UNTIL_ENROLLED: Duration = Duration::from_secs(1);

pub(crate) async fn run(connector: Arc<Connector>, executor: Arc<Executor>, facts: HostFacts) {
    let mut channel = Channel::default();
    let mut retry = Retry::default();
    let min_poll = Duration::from_secs(connector.config.min_poll);
    let mut last_info: Option<Instant> = None;
    while !connector.cancellation.is_cancelled() {
        let mut jobs = vec![check_in(executor.event_table_version())];
        // Negative: never.
        let period = u64::try_from(connector.config.client_info_update_time)
            .ok()
            .map(Duration::from_secs);
        let is_due = period.is_some_and(|period| last_info.is_none_or(|last| last.elapsed() >= period));
        if is_due {
            jobs.push(client_info(&facts));
        }
        let list = pack::batch(jobs);
        let pause = match connector.post(&mut channel, "reader", &[list], false).await {
            Outcome::Delivered(messages) => {
                if is_due {
                    last_info = Some(Instant::now());
                }
                // Work often comes in series: after an answer with work, ask again at once, so that the next
                // piece does not wait for the poll. After an empty answer, wait.
                let pause = if messages.is_empty() {
                    min_poll
                } else {
                    min_poll.min(AFTER_WORK)
                };
                messages.into_iter().for_each(|message| executor.handle(message));
                pause
            }
            Outcome::Refused(_) => min_poll,
            Outcome::NotEnrolled => UNTIL_ENROLLED,
            Outcome::Failed { .. } => {
                if connector.pause(retry.after_failure(&connector.config)).await {
                    return;
                }
                continue;
            }
        };
        retry.reset();
        if connector.pause(pause).await {
            return;
        }
    }
}

/// Asks for work, and says which event table is in force.
#[must_use]
pub fn check_in(last_event_table_version: u64) -> VeloMessage {
    VeloMessage {
        session_id: ids::FOREMAN.to_owned(),
        foreman_checkin: Some(ForemanCheckin {
            last_event_table_version,
            ..ForemanCheckin::default()
        }),
        ..VeloMessage::default()
    }
}

/// The facts about this machine that the server gets without asking.
#[must_use]
pub fn client_info(facts: &HostFacts) -> VeloMessage {
    let json = serde_json::to_string(facts).unwrap_or_default();
    VeloMessage {
        session_id: peregrine_wire::ids::MONITORING.to_owned(),
        vql_response: Some(VqlResponse {
            query: Some(VqlRequest {
                name: "Server.Internal.ClientInfo".to_owned(),
                ..VqlRequest::default()
            }),
            query_id: crate::random::random_below(u64::MAX),
            jsonl_response: format!("{json}\n"),
            total_rows: 1,
            ..VqlResponse::default()
        }),
        ..VeloMessage::default()
    }
}
