//! The sending loop: empties the outbox into the server's `control` endpoint.

use crate::connector::{Connector, Outcome};
use crate::outbox::Outbox;
use crate::transport::Channel;
use std::sync::Arc;
use std::time::Duration;

/// While the server does not know us, waiting rows are kept and tried again this often.
const UNTIL_ENROLLED: Duration = Duration::from_secs(2);
/// Pause between packets, so that small rows travel together.
const BREATH: Duration = Duration::from_millis(50);

pub(crate) async fn run(connector: Arc<Connector>, outbox: Arc<Outbox>) {
    let mut channel = Channel::default();
    while !connector.cancellation.is_cancelled() {
        let leased =
            match outbox.lease(usize::try_from(connector.config.max_upload_size).unwrap_or(usize::MAX)) {
                Ok(leased) => leased,
                Err(error) => {
                    tracing::error!(%error, "the buffer could not be read");
                    if connector.pause(Duration::from_secs(10)).await {
                        return;
                    }
                    continue;
                }
            };
        let Some(outgoing) = leased else {
            // Woken by new messages; the period only guards against a lost wake-up and sees the end of the agent.
            let _ = tokio::time::timeout(Duration::from_secs(5), outbox.wait()).await;
            continue;
        };
        match connector
            .post(&mut channel, "control", &outgoing.lists, outgoing.is_urgent)
            .await
        {
            Outcome::Delivered(_) | Outcome::Refused => {
                if let Err(error) = outbox.commit(&outgoing) {
                    tracing::error!(%error, "the buffer could not be updated; what was sent will be sent again");
                }
                if outgoing.is_all {
                    tokio::time::sleep(BREATH).await;
                }
            }
            Outcome::NotEnrolled => {
                // An enrolment request has done its work when the server answers that it wants one.
                if outgoing.is_urgent {
                    let _ = outbox.commit(&outgoing);
                } else {
                    outbox.roll_back(&outgoing);
                    if connector.pause(UNTIL_ENROLLED).await {
                        return;
                    }
                }
            }
            Outcome::Failed => {
                outbox.roll_back(&outgoing);
                if connector.pause(connector.back_off()).await {
                    return;
                }
            }
        }
    }
}
