//! Tests of the API: browsers talk to a real server over HTTP.

#![allow(clippy::unwrap_used)]

mod abuse;
mod accounts;
mod alerts;
mod audit_events;
#[path = "../common/mod.rs"]
mod common;
mod fixtures;
mod grpc;
mod machines;
mod moments;
mod monitoring;
mod permissions;
mod plain_http;
mod queries;
mod refusals;
mod requests;
mod serving;
mod stopped;
mod tables;
mod weight;

use common::World;
use common::agent::Agent;
use peregrine_proto::velo_status::ReturnedStatus;
use serde_json::json;

/// A finished flow with a thousand rows in several chunks.
async fn thousand_rows(world: &World) -> (Agent, String) {
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let body = json!({"artifacts": [{"artifact": "Test.Rows"}], "timeout": 30, "max_rows": 5000});
    let reply = browser
        .call("POST", &format!("clients/{}/flows", agent.id), Some(body))
        .await;
    let id = reply.json()["flow_id"].as_str().unwrap().to_owned();
    agent.poll().await;
    for start in (0..1000).step_by(100) {
        let rows: Vec<String> = (start..start + 100)
            .map(|n: u64| {
                json!({"n": n, "Name": format!("name {}", n % 7), "When": "2026-01-01T00:00:00Z", "Odd": n % 2 == 1})
                    .to_string()
            })
            .collect();
        agent
            .say(vec![agent.rows(&id, "Test.Rows/All", start, &rows)])
            .await;
    }
    agent
        .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    (agent, id)
}
