//! Enrolment, both transports, lost connections, hostile answers.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

use crate::common::*;
use peregrine_agent::runner::QueryRunner;
use peregrine_wire::PrivateKey;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn words() -> Arc<dyn QueryRunner> {
    Arc::new(Words::default())
}

#[test]
fn an_agent_enrols_and_works_over_every_transport() {
    for scheme in ["http", "ws", "https", "wss"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        let agent = Agent::start(config(&server, scheme), folder.path(), words());
        server.task(flow("F.1", &["rows 3"], |_| {}));
        server.wait_for_end("F.1");
        server.task(flow("F.2", &["rows 4"], |_| {}));
        server.wait_for_end("F.2");
        let (enrolments, clients) = server.change(|state| (state.enrolments, state.clients.len()));
        assert_eq!((enrolments, clients), (1, 1), "{scheme}");
        let info = server.wait("client information", |state| {
            state
                .of("F.Monitoring")
                .find_map(|message| message.vql_response.clone())
        });
        assert_eq!(info.query.unwrap().name, "Server.Internal.ClientInfo");
        let json: serde_json::Value = serde_json::from_str(&info.jsonl_response).unwrap();
        assert_eq!(
            (json["hostname"].as_str(), json["client_version"].as_str()),
            (Some("box"), Some("1.2.3"))
        );
        assert!(json["install_time"].as_u64().unwrap() > 1_700_000_000);
        assert!(server.change(|state| {
            state
                .of("E.Foreman")
                .all(|message| message.foreman_checkin.is_some())
        }));
        agent.stop();
    }
}

#[test]
fn the_identity_is_the_same_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    for _ in 0..2 {
        let agent = Agent::start(config(&server, "http"), folder.path(), words());
        server.wait_for_polls(2);
        agent.stop();
    }
    assert_eq!(server.change(|state| state.enrolments), 1);
}

#[test]
fn a_long_poll_does_not_delay_the_end() {
    for scheme in ["http", "ws"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start();
        server.change(|state| state.hold = Duration::from_secs(36_000));
        let agent = Agent::start(config(&server, scheme), folder.path(), words());
        server.wait_for_polls(1);
        // The poll would take hours.
        agent.stop();
    }
}

#[test]
fn nothing_is_lost_while_the_server_is_away_and_the_order_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let runner = Arc::new(Words::default());
    let agent = Agent::start(config(&server, "http"), folder.path(), Arc::clone(&runner) as _);
    server.task(flow("F.1", &["rows 10; log INFO:half; gate; rows 500"], |flow| {
        flow.vql_client_actions[0].max_row = 5;
    }));
    server.wait("first rows", |state| {
        state.of("F.1").any(|m| m.log_message.is_some()).then_some(())
    });
    server.change(|state| state.is_down = true);
    runner.gate.open();
    ended(folder.path());
    server.change(|state| state.is_down = false);
    server.wait_for_end("F.1");
    let starts: Vec<u64> = server
        .rows("F.1")
        .iter()
        .map(|part| part.query_start_row)
        .collect();
    assert_eq!(starts, (0..102).map(|part| part * 5).collect::<Vec<_>>());
    agent.stop();
}

#[test]
fn the_buffer_survives_a_restart_of_the_agent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let runner = Arc::new(Words::default());
    let agent = Agent::start(config(&server, "http"), folder.path(), Arc::clone(&runner) as _);
    server.task(flow("F.1", &["log INFO:runs; gate; rows 20"], |_| {}));
    server.wait("start", |state| {
        state.of("F.1").any(|m| m.log_message.is_some()).then_some(())
    });
    server.change(|state| state.is_down = true);
    runner.gate.open();
    ended(folder.path());
    agent.stop();
    assert!(server.rows("F.1").is_empty());

    server.change(|state| state.is_down = false);
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    let stats = server.wait_for_end("F.1");
    assert_eq!(stats.query_status[0].result_rows, 20);
    assert_eq!(server.rows("F.1")[0].total_rows, 20);
    agent.stop();
}

/// Waits until no collection runs: their checkpoints are gone.
fn ended(folder: &std::path::Path) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while std::fs::read_dir(paths(folder).checkpoints)
        .unwrap()
        .next()
        .is_some()
    {
        assert!(Instant::now() < deadline, "the collection does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_agent_reports_what_it_was_doing_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let runner = Arc::new(Words::default());
    let agent = Agent::start(config(&server, "http"), folder.path(), Arc::clone(&runner) as _);
    server.task(flow("F.1", &["log INFO:runs; gate"], |_| {}));
    server.wait("start", |state| {
        state.of("F.1").any(|m| m.log_message.is_some()).then_some(())
    });
    // The query does not hear that it should end: for the files, that is the same as a kill.
    agent.stop();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    let stats = server.wait_for_end("F.1");
    assert!(
        stats.query_status[0].error_message.contains("restarted"),
        "{stats:?}"
    );
    agent.stop();
    runner.gate.open();
}

#[test]
fn a_stopped_agent_says_so_of_its_collections() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    server.task(flow("F.1", &["log INFO:runs; wait"], |_| {}));
    server.wait("start", |state| {
        state.of("F.1").any(|m| m.log_message.is_some()).then_some(())
    });
    agent.stop();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    let stats = server.wait_for_end("F.1");
    assert!(
        stats.query_status[0].error_message.contains("the agent ended"),
        "{stats:?}"
    );
    agent.stop();
}

#[test]
fn after_a_lost_reply_the_same_rows_come_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    server.wait_for_polls(1);
    server.fault("control", Fault::LoseReply);
    server.task(flow("F.1", &["rows 3"], |_| {}));
    server.wait("second copy of the rows", |state| {
        (state
            .of("F.1")
            .filter(|message| message.vql_response.is_some())
            .count()
            == 2)
            .then_some(())
    });
    let parts: Vec<_> = server
        .rows("F.1")
        .into_iter()
        .map(|p| (p.query_start_row, p.part, p.jsonl_response))
        .collect();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0], parts[1]);
    agent.stop();
}

#[test]
fn every_status_is_survived_and_only_400_drops_a_packet() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    server.wait_for_polls(1);
    for status in [408, 503, 403, 409, 500, 301, 200] {
        server.fault(
            "control",
            if status == 200 {
                Fault::Body(b"garbage".to_vec())
            } else {
                Fault::Status(status)
            },
        );
        server.fault("reader", Fault::Status(status));
        let id = format!("F.{status}");
        server.task(flow(&id, &["rows 1"], |_| {}));
        server.wait_for_end(&id);
        assert_eq!(server.rows(&id).len(), 1, "{status}");
    }
    // Not known any more: the rows are kept until it has enrolled again, which it may ask for once a minute.
    server.fault("control", Fault::Status(406));
    server.task(flow("F.406", &["rows 1"], |_| {}));
    server.wait_for_end("F.406");
    assert_eq!(server.rows("F.406").len(), 1);

    server.fault("control", Fault::Redirect("http://127.0.0.1:9/elsewhere/".into()));
    server.task(flow("F.301", &["rows 1"], |_| {}));
    server.wait_for_end("F.301");
    agent.stop();
}

#[test]
fn hostile_answers_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    server.wait_for_polls(1);
    let client_id = server
        .change(|state| state.clients.keys().next().cloned())
        .unwrap();
    let stranger = Arc::new(PrivateKey::generate().unwrap());
    let forged = server.forged(&stranger, &client_id, vec![flow("F.evil", &["rows 1"], |_| {})]);
    let cut = forged[..forged.len() / 2].to_vec();
    for body in [Vec::new(), vec![0xff; 1000], vec![0; 5 << 20], cut, forged] {
        server.fault("reader", Fault::Body(body.clone()));
        server.fault("control", Fault::Body(body));
    }
    server.wait_for_polls(8);
    server.task(flow("F.1", &["rows 1"], |_| {}));
    server.wait_for_end("F.1");
    server.wait_for_polls(2);
    assert!(server.change(|state| state.of("F.evil").next().is_none()));
    agent.stop();
}

#[test]
fn a_new_server_key_is_believed_only_from_the_authority() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let agent = Agent::start(config(&server, "http"), folder.path(), words());
    server.wait_for_polls(1);
    server.change_identity(false);
    server.task(flow("F.1", &["rows 1"], |_| {}));
    server.wait_for_end("F.1");

    server.change_identity(true);
    server.task(flow("F.2", &["rows 1"], |_| {}));
    let polls = server.change(|state| state.polls);
    // It asks for the certificate again and again, and sends nothing.
    std::thread::sleep(Duration::from_secs(3));
    assert!(server.change(|state| state.of("F.2").next().is_none() && state.polls <= polls + 1));
    server.change_identity(false);
    server.wait_for_end("F.2");
    agent.stop();
}

#[test]
fn the_next_server_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let mut config = config(&server, "http");
    config
        .server_urls
        .extend(["http://127.0.0.1:9/".to_owned(), "ws://127.0.0.1:9/".to_owned()]);
    let agent = Agent::start(config, folder.path(), words());
    server.task(flow("F.1", &["rows 1"], |_| {}));
    server.wait_for_end("F.1");
    agent.stop();
}

#[test]
fn a_certificate_of_a_foreign_authority_is_refused_unless_its_thumbprint_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.change_identity(true);
    let agent = Agent::start(config(&server, "https"), folder.path(), words());
    // It asks again and again, and gets no further than the handshake.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(server.change(|state| (state.fetches, state.enrolments)), (0, 0));
    agent.stop();

    // TLS is satisfied then; the server's own certificate still has to be the authority's.
    let mut config = config(&server, "https");
    config.crypto.certificate_verification_mode = "THUMBPRINT_ONLY".into();
    config.crypto.certificate_thumbprints = vec![server.thumbprint()];
    let agent = Agent::start(config, folder.path(), words());
    server.wait("look at the certificate", |state| {
        (state.fetches > 0).then_some(())
    });
    assert_eq!(server.change(|state| state.enrolments), 0);
    agent.stop();
}
