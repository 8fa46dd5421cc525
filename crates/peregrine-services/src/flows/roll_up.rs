//! Derives the state of a collection from the states of its queries.

use peregrine_proto::{FlowStats, VeloStatus, velo_status::ReturnedStatus};
use peregrine_store::{FlowState, Micros, Progress};
use peregrine_wire::Obfuscator;

/// Queries considered per flow, and result names per query.
const MAX_QUERIES: usize = 1000;
/// If the states of all queries take more bytes than this, they are not stored: every packet of the flow reads them.
const MAX_STATS: usize = 4 << 20;
/// Bytes kept of an error message or backtrace.
const MAX_TEXT: usize = 8 << 10;

/// Summarises an agent's report.
pub fn roll_up(names: Option<&Obfuscator>, stats: FlowStats) -> Progress {
    let mut statuses = stats.query_status;
    if let Some(unknown) = statuses.iter().find(|status| is_unknown_flow(status)) {
        // The agent lost the flow (it restarted). Stored results are kept, and so are the last stats it sent.
        let message = match unknown.error_message.as_str() {
            "" => "the agent does not know this flow; it was restarted or reinstalled while it ran",
            message => message
                .get(..message.floor_char_boundary(MAX_TEXT))
                .unwrap_or_default(),
        };
        return Progress {
            end: Some((FlowState::Error, Some(message.to_owned()))),
            is_unknown: true,
            ..Progress::default()
        };
    }
    statuses.truncate(MAX_QUERIES);
    for status in &mut statuses {
        status
            .error_message
            .truncate(status.error_message.floor_char_boundary(MAX_TEXT));
        status
            .backtrace
            .truncate(status.backtrace.floor_char_boundary(MAX_TEXT));
        status.names_with_response.truncate(MAX_QUERIES);
    }
    if let Some(names) = names {
        for status in &mut statuses {
            for name in &mut status.names_with_response {
                *name = names.reveal(name).unwrap_or_default();
            }
            status.artifact = names.reveal(&status.artifact).unwrap_or_default();
            status.error_message = names.reveal_within(&status.error_message);
        }
    }
    let trouble = statuses
        .iter()
        .find(|status| status.status() == ReturnedStatus::GenericError)
        .map(|status| {
            if status.error_message.is_empty() {
                "the query failed".to_owned()
            } else {
                status.error_message.clone()
            }
        });
    let end = stats.flow_complete.then(|| match &trouble {
        Some(message) => (FlowState::Error, Some(message.clone())),
        None => (FlowState::Finished, None),
    });
    Progress {
        started: statuses
            .iter()
            .filter_map(|status| micros(status.first_active))
            .min(),
        last_active: statuses
            .iter()
            .filter_map(|status| micros(status.last_active))
            .max(),
        duration_ns: statuses
            .iter()
            .map(|status| status.duration)
            .max()
            .unwrap_or(0)
            .max(0),
        query_stats: serde_json::to_string(&statuses)
            .ok()
            .filter(|stats| stats.len() <= MAX_STATS),
        end,
        trouble,
        is_unknown: false,
    }
}

/// Agents before 0.74 have no status code for this, only the message.
fn is_unknown_flow(status: &VeloStatus) -> bool {
    status.status() == ReturnedStatus::UnknownFlow
        || (status.status() == ReturnedStatus::GenericError
            && status.error_message.starts_with("Flow not known"))
}

fn micros(at: u64) -> Option<Micros> {
    Micros::try_from(at).ok().filter(|at| *at > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: ReturnedStatus, message: &str, first: u64, last: u64) -> VeloStatus {
        VeloStatus {
            status: code.into(),
            error_message: message.into(),
            first_active: first,
            last_active: last,
            duration: last as i64,
            ..Default::default()
        }
    }

    fn report(query_status: Vec<VeloStatus>, flow_complete: bool) -> Progress {
        roll_up(
            None,
            FlowStats {
                query_status,
                flow_complete,
                ..Default::default()
            },
        )
    }

    #[test]
    fn states_follow_the_queries() {
        use ReturnedStatus::*;
        let running = report(vec![status(Ok, "", 5, 9), status(Progress, "", 3, 20)], false);
        assert_eq!(
            (running.end, running.started, running.last_active),
            (None, Some(3), Some(20))
        );
        let done = report(vec![status(Ok, "", 5, 9)], true);
        assert_eq!(done.end, Some((FlowState::Finished, None)));
        let failing = report(
            vec![status(GenericError, "boom", 5, 9), status(Progress, "", 0, 0)],
            false,
        );
        assert_eq!((failing.end, failing.trouble.as_deref()), (None, Some("boom")));
        let failed = report(
            vec![
                status(GenericError, "boom", 5, 9),
                status(GenericError, "later", 5, 9),
            ],
            true,
        );
        assert_eq!(failed.end, Some((FlowState::Error, Some("boom".into()))));
        for lost in [
            status(UnknownFlow, "", 0, 0),
            status(GenericError, "Flow not known - maybe", 0, 0),
        ] {
            let lost = report(vec![lost], true);
            assert!(matches!(lost.end, Some((FlowState::Error, Some(_)))) && lost.query_stats.is_none());
        }
    }
}
