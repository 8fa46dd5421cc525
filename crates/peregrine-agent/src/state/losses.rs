//! Records which collections lost data that could not be stored or delivered, so that their later reports say
//! so.

use parking_lot::Mutex;
use peregrine_proto::{Message, MessageList, VeloMessage, velo_status::ReturnedStatus};
use std::collections::{HashMap, VecDeque};

/// Number of collections remembered; the reports of older ones have long been sent.
const KEPT: usize = 1000;

/// Losses by session id. Cheap while there are none.
#[derive(Default)]
pub(crate) struct Losses(Mutex<BySession>);

#[derive(Default)]
struct BySession {
    losses: HashMap<String, Loss>,
    /// Session ids, oldest first.
    order: VecDeque<String>,
}

#[derive(Default)]
struct Loss {
    rows: u64,
    log_lines: u64,
    file_bytes: u64,
    messages: u64,
    reason: String,
}

impl Losses {
    /// Records that this message is lost; the first reason counts.
    pub(crate) fn add(&self, message: &VeloMessage, reason: &str) {
        let mut known = self.0.lock();
        let BySession { losses, order } = &mut *known;
        if !losses.contains_key(&message.session_id) {
            order.push_back(message.session_id.clone());
            if order.len() > KEPT
                && let Some(oldest) = order.pop_front()
            {
                losses.remove(&oldest);
            }
        }
        let loss = losses.entry(message.session_id.clone()).or_default();
        if loss.reason.is_empty() {
            loss.reason = crate::state::message_size::short_text(reason);
        }
        if let Some(rows) = &message.vql_response {
            loss.rows += rows.total_rows;
        } else if let Some(log) = &message.log_message {
            loss.log_lines += log.number_of_rows;
        } else if let Some(file) = &message.file_buffer {
            loss.file_bytes += file.data_length;
        } else {
            loss.messages += 1;
        }
    }

    /// Forgets a collection that is restarted under its name.
    pub(crate) fn forget(&self, session_id: &str) {
        let mut known = self.0.lock();
        if known.losses.remove(session_id).is_some() {
            known.order.retain(|id| id != session_id);
        }
    }

    /// Marks the report of a collection that lost something.
    pub(crate) fn mark(&self, message: &mut VeloMessage) -> bool {
        let known = self.0.lock();
        let Some(loss) = known.losses.get(&message.session_id) else {
            return false;
        };
        let Some(stats) = &mut message.flow_stats else {
            return false;
        };
        let text = loss.to_string();
        for status in &mut stats.query_status {
            if status.status == i32::from(ReturnedStatus::Ok) {
                status.status = ReturnedStatus::GenericError.into();
            }
            if status.error_message.is_empty() {
                status.error_message.clone_from(&text);
            } else if !status.error_message.ends_with(&text) {
                status.error_message = format!("{}; {text}", status.error_message);
            }
        }
        true
    }

    /// Like [`Losses::mark`], for serialised messages.
    pub(crate) fn mark_list(&self, list: Vec<u8>) -> Vec<u8> {
        if self.0.lock().losses.is_empty() {
            return list;
        }
        let Ok(mut messages) = <MessageList as Message>::decode(list.as_slice()) else {
            return list;
        };
        let mut is_marked = false;
        for message in &mut messages.job {
            is_marked |= self.mark(message);
        }
        if is_marked { messages.encode_to_vec() } else { list }
    }
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [
            (self.rows, "rows"),
            (self.log_lines, "log lines"),
            (self.file_bytes, "bytes of files"),
            (self.messages, "other messages"),
        ];
        let named: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        write!(f, "{} are missing: {}", named.join(" and "), self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use peregrine_proto::{FlowStats, VeloStatus, VqlResponse};

    #[test]
    fn reports_name_what_is_missing() {
        let losses = Losses::default();
        let report = |id: &str| VeloMessage {
            session_id: id.into(),
            flow_stats: Some(FlowStats {
                query_status: vec![VeloStatus::default()],
                ..FlowStats::default()
            }),
            ..VeloMessage::default()
        };
        let list = || peregrine_wire::pack::batch(vec![report("F.1"), report("F.2")]);
        assert_eq!(losses.mark_list(list()), list());
        let rows = VeloMessage {
            session_id: "F.1".into(),
            vql_response: Some(VqlResponse {
                total_rows: 3,
                ..VqlResponse::default()
            }),
            ..VeloMessage::default()
        };
        losses.add(&rows, "the disk is full");
        losses.add(&rows, "later");
        let marked = losses.mark_list(losses.mark_list(list()));
        let marked = <MessageList as Message>::decode(marked.as_slice()).unwrap().job;
        let status = &marked[0].flow_stats.as_ref().unwrap().query_status[0];
        assert_eq!(
            (status.status(), status.error_message.as_str()),
            (
                ReturnedStatus::GenericError,
                "6 rows are missing: the disk is full"
            )
        );
        assert_eq!(marked[1], report("F.2"));
        losses.forget("F.1");
        assert_eq!(losses.mark_list(list()), list());
    }
}
