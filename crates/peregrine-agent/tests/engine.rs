//! Collections run by the VQL engine itself.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

mod common;

use common::*;
use peregrine_agent::EngineRunner;
use peregrine_engine::builtin;
use peregrine_engine::memory::{Gauge, Limits, Pool};
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_proto::{Artifact, ArtifactSource, VqlEnv, VqlRequest};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: peregrine_os::Counting<std::alloc::System> = peregrine_os::Counting(std::alloc::System);

#[test]
fn the_engine_answers_a_collection() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let config = config(&server, "http");
    let runner = EngineRunner::new(builtin::shared_registry(), &config, |context| context);
    let agent = Agent::start(config, folder.path(), Arc::new(runner));
    server.task(flow(
        "F.1",
        &["SELECT _value AS N, Word, _SessionId FROM range(end=3)"],
        |flow| {
            let request = &mut flow.vql_client_actions[0];
            request.env.push(VqlEnv {
                key: "Word".into(),
                value: "hi".into(),
                ..VqlEnv::default()
            });
            request.query.insert(
                0,
                VqlRequest {
                    vql: "LET X = 1".into(),
                    name: String::new(),
                },
            );
        },
    ));
    let stats = server.wait_for_end("F.1");
    assert_eq!(stats.query_status[0].status(), ReturnedStatus::Ok, "{stats:?}");
    let rows = server.rows("F.1");
    assert_eq!(rows[0].columns, ["N", "Word", "_SessionId"]);
    assert_eq!(rows[0].query_id, 1);
    assert!(
        rows[0]
            .jsonl_response
            .starts_with("{\"N\":0,\"Word\":\"hi\",\"_SessionId\":\"F.1\"}\n{\"N\":1,")
    );

    // Definitions that came with the request can be called.
    server.task(flow(
        "F.2",
        &["SELECT * FROM Artifact.Custom.Numbers()"],
        |flow| {
            flow.vql_client_actions[0].artifacts.push(Artifact {
                name: "Custom.Numbers".into(),
                sources: vec![ArtifactSource {
                    query: "SELECT * FROM range(end=2)".into(),
                    ..ArtifactSource::default()
                }],
                ..Artifact::default()
            });
        },
    ));
    let stats = server.wait_for_end("F.2");
    assert_eq!(
        stats.query_status[0].result_rows,
        2,
        "{stats:?} {}",
        server.logs("F.2")
    );

    // Messages quote their values, but not secret ones.
    server.task(flow(
        "F.2s",
        &["SELECT 'x' =~ ('(' + Pass) AS A, log(message='I say ' + Pass) AS B FROM scope()"],
        |flow| {
            flow.vql_client_actions[0].env.push(VqlEnv {
                key: "Pass".into(),
                value: "hunter2".into(),
                comment: "redacted".into(),
            });
        },
    ));
    let stats = server.wait_for_end("F.2s");
    let said = format!("{stats:?} {}", server.logs("F.2s"));
    assert!(said.contains("I say XXXXX"), "{said}");
    assert!(said.contains("missing closing ): `(?i)(XXXXX`"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");

    server.task(flow("F.3", &["SELECT FROM WHERE"], |_| {}));
    let stats = server.wait_for_end("F.3");
    assert_eq!(stats.query_status[0].status(), ReturnedStatus::GenericError);
    assert!(server.logs("F.3").contains("ERROR"));

    server.task(flow("F.4", &["SELECT * FROM range(end=5)"], |flow| {
        flow.vql_client_actions[0].precondition = "SELECT * FROM range(end=0)".into();
    }));
    let stats = server.wait_for_end("F.4");
    assert_eq!(
        (stats.query_status[0].status(), stats.query_status[0].result_rows),
        (ReturnedStatus::Ok, 0)
    );
    assert!(server.logs("F.4").contains("precondition"));

    server.task(flow("F.5", &["SELECT * FROM range(end=1000000000)"], |flow| {
        flow.max_rows = 10
    }));
    server.wait_for_end("F.5");
    assert_eq!(
        server.rows("F.5").iter().map(|part| part.total_rows).sum::<u64>(),
        10
    );
    agent.stop();
}

#[test]
fn a_query_that_holds_too_much_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let config = config(&server, "http");
    let gauge = Gauge {
        thread: peregrine_os::held_by_thread,
        process: || 1 << 40,
    };
    let limits = Limits {
        query: 32 << 20,
        all: None,
        process: None,
        advice: "",
    };
    let runner = EngineRunner::new(builtin::shared_registry(), &config, |context| context)
        .with_memory(Pool::new(gauge, limits));
    let agent = Agent::start(config, folder.path(), Arc::new(runner));
    let hungry = "SELECT array(a={ SELECT * FROM range(end=30000000) }) AS A FROM scope()";
    server.task(flow("F.1", &[hungry, "SELECT 1 AS One FROM scope()"], |_| ()));
    let stats = server.wait_for_end("F.1");
    let mut statuses: Vec<_> = stats.query_status.iter().collect();
    statuses.sort_by_key(|status| status.error_message.is_empty());
    assert_eq!(statuses[0].status(), ReturnedStatus::GenericError, "{stats:?}");
    let message = &statuses[0].error_message;
    assert!(message.starts_with("the query was ended: it held"), "{message}");
    assert!(message.contains("a query may hold 32 MiB"), "{message}");
    assert_eq!(statuses[0].result_rows, 0);
    assert_eq!(statuses[1].status(), ReturnedStatus::Ok, "{stats:?}");

    server.task(flow("F.2", &["SELECT * FROM range(end=100000)"], |_| ()));
    let stats = server.wait_for_end("F.2");
    assert_eq!(stats.query_status[0].status(), ReturnedStatus::Ok, "{stats:?}");
    agent.stop();
}
