//! The sending loop: empties the outbox into the server's `control` endpoint.

use crate::net::connector::{Connector, Outcome};
use crate::net::retry::Retry;
use crate::net::transport::Channel;
use crate::state::message_queue::MessageQueue as _;
use crate::state::outbox::{Outbox, Outgoing, Queue};
use std::sync::Arc;
use std::time::Duration;

/// How often waiting rows are retried while the server does not know us.
const UNTIL_ENROLLED: Duration = Duration::from_secs(2);
/// Pause between packets, so that small rows are sent together.
const BREATH: Duration = Duration::from_millis(50);
/// How many connections may break over one message before the message is suspected.
const BREAKS: u32 = 3;

pub(crate) async fn run(connector: Arc<Connector>, outbox: Arc<Outbox>) {
    let mut sender = Sender {
        channel: Channel::default(),
        retry: Retry::default(),
        most: usize::MAX,
        breaks: 0,
        connector,
        outbox,
    };
    let bytes = usize::try_from(sender.connector.config.max_upload_size).unwrap_or(usize::MAX);
    let bytes = bytes.min(sender.outbox.largest());
    while !sender.connector.cancellation.is_cancelled() {
        let leased = match sender.outbox.lease(bytes, sender.most) {
            Ok(leased) => leased,
            Err(error) => {
                tracing::error!(%error, "the buffer could not be read");
                if sender.connector.pause(Duration::from_secs(10)).await {
                    return;
                }
                continue;
            }
        };
        let Some(outgoing) = leased else {
            // Woken by new messages; the period only guards against a lost wake-up, and notices the end of
            // the agent.
            let _ = tokio::time::timeout(Duration::from_secs(5), sender.outbox.wait()).await;
            continue;
        };
        let pause = sender.send(&outgoing).await;
        if sender.connector.pause(pause).await {
            return;
        }
    }
}

struct Sender {
    connector: Arc<Connector>,
    outbox: Arc<Outbox>,
    channel: Channel,
    retry: Retry,
    /// Messages in the next packet. When a packet is refused, it shrinks until the offending message is
    /// found.
    most: usize,
    /// Connections that broke while the same single message was sent.
    breaks: u32,
}

impl Sender {
    /// Sends a packet, and returns the pause until the next one.
    async fn send(&mut self, outgoing: &Outgoing) -> Duration {
        let is_urgent = matches!(outgoing.from, Queue::Urgent | Queue::Enrolment);
        let outcome = self
            .connector
            .post(&mut self.channel, "control", &outgoing.lists, is_urgent)
            .await;
        match outcome {
            Outcome::Delivered(_) => {
                self.retry.reset();
                self.breaks = 0;
                self.most = self.most.saturating_mul(2);
                if let Err(error) = self.outbox.commit(outgoing) {
                    tracing::error!(%error, "the buffer could not be updated; what was sent will be sent again");
                }
                if outgoing.is_all { BREATH } else { Duration::ZERO }
            }
            Outcome::Refused(reason) => {
                self.retry.reset();
                self.refused(outgoing, &reason)
            }
            Outcome::NotEnrolled => {
                // An enrolment request has served its purpose when the server answers that it wants one;
                // everything else waits.
                if outgoing.from == Queue::Enrolment {
                    let _ = self.outbox.commit(outgoing);
                    Duration::ZERO
                } else {
                    self.outbox.roll_back(outgoing);
                    UNTIL_ENROLLED
                }
            }
            Outcome::Failed { was_connected } => self.failed(outgoing, was_connected).await,
        }
    }

    /// A message that no server takes must not block those behind it.
    fn refused(&mut self, outgoing: &Outgoing, reason: &str) -> Duration {
        self.breaks = 0;
        if outgoing.lists.len() > 1 {
            // The server recognises the part it has accepted when that is sent again.
            self.outbox.roll_back(outgoing);
            self.most = outgoing.lists.len() / 2;
            return Duration::ZERO;
        }
        if let Err(error) = self.outbox.set_aside(outgoing, reason) {
            tracing::error!(%error, "the buffer could not be updated");
            return Duration::from_secs(10);
        }
        Duration::ZERO
    }

    async fn failed(&mut self, outgoing: &Outgoing, was_connected: bool) -> Duration {
        if was_connected && outgoing.lists.len() > 1 {
            self.most = outgoing.lists.len() / 2;
        } else if was_connected {
            self.breaks += 1;
        }
        if self.breaks >= BREAKS {
            self.breaks = 0;
            // A middlebox with smaller limits may just close the connection. If a packet without content gets
            // through, the message is to blame.
            let probe = self
                .connector
                .post(&mut self.channel, "control", &[], false)
                .await;
            if matches!(probe, Outcome::Delivered(_)) {
                return self.refused(outgoing, "the connection breaks whenever it is sent");
            }
        }
        self.outbox.roll_back(outgoing);
        self.retry.after_failure(&self.connector.config)
    }
}
