//! The receiving loop: asks the server's `reader` endpoint for work and hands it to the executor.

use crate::connector::{Connector, Outcome};
use crate::executor::Executor;
use crate::host::HostFacts;
use crate::transport::Channel;
use peregrine_proto::{ForemanCheckin, Message, MessageList, VeloMessage, VqlRequest, VqlResponse};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Until the server knows us, it is asked this often.
const UNTIL_ENROLLED: Duration = Duration::from_secs(1);

pub(crate) async fn run(connector: Arc<Connector>, executor: Arc<Executor>, facts: Arc<HostFacts>) {
    let mut channel = Channel::default();
    let mut last_info: Option<Instant> = None;
    while !connector.cancellation.is_cancelled() {
        let mut jobs = vec![check_in(executor.event_table_version())];
        let period = connector.config.client_info_update_time();
        let is_due = period.is_some_and(|period| last_info.is_none_or(|last| last.elapsed() >= period));
        if is_due {
            jobs.push(client_info(&facts));
        }
        let list = MessageList { job: jobs }.encode_to_vec();
        match connector.post(&mut channel, "reader", &[list], false).await {
            Outcome::Delivered(messages) => {
                if is_due {
                    last_info = Some(Instant::now());
                }
                if !messages.is_empty() {
                    let executor = Arc::clone(&executor);
                    // Replacing the event table waits for queries to end: that must not hold up the network.
                    let work = tokio::task::spawn_blocking(move || messages.into_iter().for_each(|message| executor.handle(message)));
                    if let Err(error) = work.await {
                        tracing::error!(%error, "a message of the server made the agent fail");
                    }
                }
                if connector.pause(connector.config.min_poll()).await {
                    return;
                }
            }
            Outcome::Refused => {
                if connector.pause(connector.config.min_poll()).await {
                    return;
                }
            }
            Outcome::NotEnrolled => {
                if connector.pause(UNTIL_ENROLLED).await {
                    return;
                }
            }
            Outcome::Failed => {
                if connector.pause(connector.back_off()).await {
                    return;
                }
            }
        }
    }
}

fn check_in(last_event_table_version: u64) -> VeloMessage {
    VeloMessage {
        session_id: "E.Foreman".to_owned(),
        foreman_checkin: Some(ForemanCheckin { last_event_table_version, ..ForemanCheckin::default() }),
        ..VeloMessage::default()
    }
}

/// What the server should know of this machine without asking.
fn client_info(facts: &HostFacts) -> VeloMessage {
    let json = serde_json::to_string(facts).unwrap_or_default();
    VeloMessage {
        session_id: crate::monitoring::SESSION.to_owned(),
        vql_response: Some(VqlResponse {
            query: Some(VqlRequest { name: "Server.Internal.ClientInfo".to_owned(), ..VqlRequest::default() }),
            query_id: crate::connector::random_below(u64::MAX),
            jsonl_response: format!("{json}\n"),
            total_rows: 1,
            ..VqlResponse::default()
        }),
        ..VeloMessage::default()
    }
}
