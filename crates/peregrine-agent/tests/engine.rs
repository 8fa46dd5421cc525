//! Collections run by the VQL engine itself.

#![allow(clippy::unwrap_used)] // in helpers too, which clippy does not take for tests

mod common;

use common::*;
use peregrine_agent::EngineRunner;
use peregrine_engine::builtin;
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_proto::{Artifact, ArtifactSource, VqlEnv, VqlRequest};
use std::sync::Arc;

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
