//! Collections from the server's request to the last statistics, with scripted queries.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

use crate::common::*;
use peregrine_agent::Ended;
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_proto::{Cancel, FlowStats, FlowStatsRequest, VeloMessage};
use std::sync::Arc;

struct World {
    server: Server,
    words: Arc<Words>,
    agent: Agent,
    _folder: tempfile::TempDir,
}

fn start() -> World {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let words = Arc::new(Words::default());
    let agent = Agent::start(config(&server, "http"), folder.path(), Arc::clone(&words) as _);
    World {
        server,
        words,
        agent,
        _folder: folder,
    }
}

fn outcome(stats: &FlowStats) -> (ReturnedStatus, &str) {
    let [status] = &stats.query_status[..] else {
        panic!("one query: {stats:?}")
    };
    (status.status(), &status.error_message)
}

#[test]
fn rows_logs_and_statistics_arrive() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["log INFO:hello; rows 5", "rows 2"], |_| {}));
    let stats = server.wait_for_end("F.1");
    assert_eq!(stats.query_status.len(), 2);
    for (status, rows) in stats.query_status.iter().zip([5, 2]) {
        assert_eq!((status.status(), status.result_rows), (ReturnedStatus::Ok, rows));
        assert_eq!(status.names_with_response, ["Test"]);
        assert!(status.duration > 0 && status.first_active > 0 && status.last_active >= status.first_active);
    }
    assert_eq!(stats.query_status[0].log_rows, 1);
    let mut rows: Vec<_> = server
        .rows("F.1")
        .into_iter()
        .map(|part| (part.total_rows, part.jsonl_response))
        .collect();
    rows.sort();
    assert_eq!(rows[0], (2, "{\"n\":0}\n{\"n\":1}\n".to_owned()));
    assert_eq!(rows[1].0, 5);
    assert!(
        server
            .logs("F.1")
            .contains(r#""level":"INFO","message":"hello"}"#)
    );
    // All of it came over `control`, in time before the end; nothing after it.
    let last = server
        .change(|state| state.of("F.1").next_back().cloned())
        .unwrap();
    assert!(last.flow_stats.unwrap().flow_complete);
    assert_eq!(agent.stop(), Ended::Stopped);
}

#[test]
fn rows_travel_in_batches_compressed_if_so_asked() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["rows 25"], |flow| {
        flow.compression = 1;
        flow.vql_client_actions[0].max_row = 10;
    }));
    server.wait_for_end("F.1");
    let parts = server.rows("F.1");
    let shape: Vec<_> = parts
        .iter()
        .map(|p| (p.part, p.query_start_row, p.total_rows))
        .collect();
    assert_eq!(shape, [(0, 0, 10), (1, 10, 10), (2, 20, 5)]);
    let mut offset = 0;
    for part in &parts {
        assert!(part.jsonl_response.is_empty());
        assert_eq!(part.byte_offset, offset);
        let text = peregrine_wire::pack::decompress(&part.compressed_json_response, 1 << 20).unwrap();
        assert_eq!(text.len() as u64, part.uncompressed_size);
        offset += part.uncompressed_size;
    }
    agent.stop();
}

#[test]
fn the_row_limit_ends_a_flow_and_keeps_the_rows_before_it() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["rows 100"], |flow| flow.max_rows = 7));
    let stats = server.wait_for_end("F.1");
    let (status, message) = outcome(&stats);
    assert_eq!(status, ReturnedStatus::GenericError);
    assert!(message.contains("Row limit of 7"), "{message}");
    assert_eq!(
        server.rows("F.1").iter().map(|part| part.total_rows).sum::<u64>(),
        7
    );
    agent.stop();
}

#[test]
fn a_query_ends_at_its_timeout_with_the_rows_so_far() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["rows 3; wait"], |flow| {
        flow.vql_client_actions[0].timeout = 1
    }));
    let stats = server.wait_for_end("F.1");
    assert_eq!(
        outcome(&stats),
        (ReturnedStatus::GenericError, "Query timed out after 1 seconds")
    );
    assert_eq!(server.rows("F.1")[0].total_rows, 3);
    assert!(server.logs("F.1").contains("timed out"));
    agent.stop();
}

#[test]
fn a_timeout_shows_although_the_query_does_not_stop() {
    let World {
        server,
        agent,
        words,
        _folder,
    } = start();
    server.task(flow("F.1", &["gate"], |flow| {
        flow.vql_client_actions[0].timeout = 1;
        flow.flow_update_time = 1;
    }));
    server.wait("statistics with an error", |state| {
        let mut stats = state.of("F.1").filter_map(|message| message.flow_stats.as_ref());
        stats
            .any(|stats| stats.query_status[0].error_message.contains("timed out"))
            .then_some(())
    });
    words.gate.open();
    server.wait_for_end("F.1");
    agent.stop();
}

#[test]
fn the_server_cancels_a_flow() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["rows 3; log INFO:running; wait"], |_| {}));
    server.wait("log line", |state| {
        state
            .of("F.1")
            .any(|message| message.log_message.is_some())
            .then_some(())
    });
    server.task(VeloMessage {
        session_id: "F.1".into(),
        cancel: Some(Cancel::default()),
        ..VeloMessage::default()
    });
    let stats = server.wait_for_end("F.1");
    assert_eq!(outcome(&stats), (ReturnedStatus::GenericError, "Cancelled"));
    assert_eq!(server.logs("F.1").matches("Cancelled").count(), 1);
    agent.stop();
}

#[test]
fn a_panic_and_an_error_are_reported_and_the_agent_lives_on() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["rows 1; panic"], |_| {}));
    let stats = server.wait_for_end("F.1");
    let (status, message) = outcome(&stats);
    assert_eq!(status, ReturnedStatus::GenericError);
    assert!(message.contains("crashed: as asked"), "{message}");
    assert_eq!(server.rows("F.1")[0].total_rows, 1);

    server.task(flow("F.2", &["fail"], |_| {}));
    assert_eq!(outcome(&server.wait_for_end("F.2")).1, "cannot run");

    server.task(flow("F.3", &["log DEFAULT:Symbol x not found; rows 1"], |_| {}));
    let stats = server.wait_for_end("F.3");
    assert_eq!(
        outcome(&stats),
        (ReturnedStatus::GenericError, "Symbol x not found")
    );
    assert_eq!(
        stats.query_status[0].result_rows, 1,
        "an error message does not stop a query"
    );

    server.task(flow("F.4", &["rows 1"], |flow| {
        flow.vql_client_actions[0].expiry = 1
    }));
    assert_eq!(outcome(&server.wait_for_end("F.4")).1, "Query expired.");
    agent.stop();
}

#[test]
fn collections_beyond_the_limit_wait_and_urgent_ones_do_not() {
    let World {
        server,
        agent,
        words,
        _folder,
    } = start();
    for id in ["F.1", "F.2"] {
        server.task(flow(id, &["log INFO:runs; gate"], |_| {}));
        server.wait("start", |state| {
            state
                .of(id)
                .any(|message| message.log_message.is_some())
                .then_some(())
        });
    }
    server.task(flow("F.3", &["rows 1"], |_| {}));
    server.task(VeloMessage {
        urgent: true,
        ..flow("F.4", &["rows 1"], |_| {})
    });
    server.wait_for_end("F.4");
    let has_ended = |id: &str| {
        server.change(|state| {
            state
                .of(id)
                .any(|m| m.flow_stats.as_ref().is_some_and(|s| s.flow_complete))
        })
    };
    assert!(!has_ended("F.3"));
    words.gate.open();
    server.wait_for_end("F.3");
    agent.stop();
}

#[test]
fn questions_about_flows_are_answered_urgently() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(flow("F.1", &["rows 1"], |_| {}));
    server.wait_for_end("F.1");
    let ask = FlowStatsRequest {
        flow_id: vec!["F.1".into(), "F.unknown".into()],
    };
    server.task(VeloMessage {
        session_id: "F.Status".into(),
        flow_stats_request: Some(ask),
        ..VeloMessage::default()
    });
    let unknown = server.wait_for_end("F.unknown");
    assert_eq!(outcome(&unknown).0, ReturnedStatus::UnknownFlow);
    let urgent = server.change(|state| {
        let urgent = state.received.iter().filter(|received| received.urgent);
        urgent
            .map(|received| received.message.session_id.clone())
            .collect::<Vec<_>>()
    });
    assert_eq!(urgent, ["F.1", "F.unknown"]);
    agent.stop();
}

#[test]
fn what_the_agent_does_not_know_is_answered_and_a_kill_ends_it() {
    let World {
        server,
        agent,
        _folder,
        ..
    } = start();
    server.task(VeloMessage {
        session_id: "F.9".into(),
        ..VeloMessage::default()
    });
    server.wait("answer", |state| {
        state.of("F.9").any(|m| m.log_message.is_some()).then_some(())
    });
    server.task(VeloMessage {
        session_id: "F.Monitoring".into(),
        kill_kill_kill: Some(Cancel::default()),
        ..VeloMessage::default()
    });
    assert_eq!(agent.join(), Ended::Killed);
}

#[test]
fn a_row_no_message_can_hold_arrives_cut_and_holds_up_nothing() {
    for scheme in ["http", "ws"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        let agent = Agent::start(config(&server, scheme), folder.path(), Arc::new(Words::default()));
        server.task(flow("F.1", &["rows 1; wide 14000000; rows 1"], |_| {}));
        server.task(flow("F.2", &["rows 1"], |_| {}));
        server.wait_for_end("F.2");
        let stats = server.wait_for_end("F.1");
        let (status, message) = outcome(&stats);
        assert_eq!(status, ReturnedStatus::GenericError);
        assert!(
            message.contains("the row of 140000") && message.contains("`cell` from 14000002"),
            "{message}"
        );
        assert!(server.logs("F.1").contains("and was cut"), "{scheme}");
        let text: String = server
            .rows("F.1")
            .into_iter()
            .map(|part| part.jsonl_response)
            .collect();
        let rows: Vec<serde_json::Value> = text
            .lines()
            .map(|row| serde_json::from_str(row).unwrap())
            .collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(
            (&rows[1]["n"], &rows[1]["_Truncated"][0]["Column"]),
            (&1.into(), &"cell".into())
        );
        assert!(rows[1]["cell"].as_str().unwrap().len() > 5_000_000);
        agent.stop();
    }
}

#[test]
fn rows_a_server_refuses_are_told_of_and_hold_up_nothing() {
    for (scheme, refusal, reason) in [
        ("http", Refusal::Status(400), "status 400"),
        ("http", Refusal::Status(413), "status 413"),
        ("http", Refusal::Drop, "too large for the server"),
        ("ws", Refusal::Status(400), "status 400"),
        ("ws", Refusal::HangUp, "the connection breaks"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        server.change(|state| state.refused.insert("F.1".into(), refusal));
        let words = Arc::new(Words::default());
        let agent = Agent::start(config(&server, scheme), folder.path(), Arc::clone(&words) as _);
        // Offline, so that everything waits together.
        server.task(flow(
            "F.1",
            &["log INFO:runs; gate; rows 2; wide 2000000"],
            |flow| {
                flow.vql_client_actions[0].max_row = 2;
            },
        ));
        server.task(flow("F.2", &["log INFO:runs; gate; rows 5"], |_| {}));
        for id in ["F.1", "F.2"] {
            server.wait("start", |state| {
                state.of(id).any(|m| m.log_message.is_some()).then_some(())
            });
        }
        words.gate.open();
        let other = server.wait_for_end("F.2");
        assert_eq!(outcome(&other).0, ReturnedStatus::Ok);
        assert_eq!(server.rows("F.2")[0].total_rows, 5);
        let stats = server.wait_for_end("F.1");
        let (status, message) = outcome(&stats);
        assert_eq!(status, ReturnedStatus::GenericError);
        assert!(
            message.contains(" rows are missing") && message.contains(reason),
            "{refusal:?}: {message}"
        );
        agent.stop();
    }
}

#[test]
fn a_query_that_hangs_gives_its_slot_back_and_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let words = Arc::new(Words::default());
    let mut config = config(&server, "http");
    config.concurrency = 1;
    let agent = Agent::start(config, folder.path(), Arc::clone(&words) as _);
    server.task(flow("F.1", &["rows 3; gate; rows 4"], |flow| {
        flow.vql_client_actions[0].timeout = 1;
    }));
    server.task(flow("F.2", &["rows 1"], |_| {}));
    let stats = server.wait_for_end("F.1");
    let (status, message) = outcome(&stats);
    assert_eq!(status, ReturnedStatus::GenericError);
    assert!(
        message.starts_with("Query timed out after 1 seconds; the query did not end within"),
        "{message}"
    );
    server.wait_for_end("F.2");
    // Its later rows are no longer wanted.
    words.gate.open();
    server.task(flow("F.3", &["rows 1"], |_| {}));
    server.wait_for_end("F.3");
    assert_eq!(
        server.rows("F.1").iter().map(|part| part.total_rows).sum::<u64>(),
        3
    );
    agent.stop();
}

#[test]
fn a_second_agent_on_the_same_folder_does_not_start() {
    let World {
        agent,
        server,
        _folder,
        ..
    } = start();
    server.wait_for_polls(1);
    let second = peregrine_agent::run(
        config(&server, "http"),
        &paths(_folder.path()),
        Arc::new(Words::default()),
        peregrine_agent::HostFacts::default(),
        &peregrine_engine::Cancellation::new(),
    );
    let error = second.unwrap_err().to_string();
    assert!(
        error.contains(&format!(
            "another agent, process {}, runs with the state folder",
            std::process::id()
        )),
        "{error}"
    );
    agent.stop();
}
