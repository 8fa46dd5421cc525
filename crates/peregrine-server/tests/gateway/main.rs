//! Tests of the gateway: scripted agents talk to a real server over HTTP and websockets.

#![allow(clippy::unwrap_used)]

mod alerts;
mod collections;
#[path = "../common/mod.rs"]
mod common;
mod conversation;
mod hostile;
mod missing;
mod websockets;

use common::World;
use common::agent::Agent;
use serde_json::{Value, json};

async fn collect(world: &World, agent: &Agent) -> String {
    let browser = world.sign_in("tester").await;
    let body = json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "3"}}]});
    let reply = browser
        .call("POST", &format!("clients/{}/flows", agent.id), Some(body))
        .await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["flow_id"].as_str().unwrap().to_owned()
}

async fn flow(world: &World, agent: &Agent, flow: &str) -> Value {
    world
        .sign_in("tester")
        .await
        .get(&format!("clients/{}/flows/{flow}", agent.id))
        .await
}

async fn refused(world: &World) -> Value {
    world.sign_in("tester").await.get("server/status").await["refused"].clone()
}

fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| json!({"n": n}).to_string()).collect()
}
