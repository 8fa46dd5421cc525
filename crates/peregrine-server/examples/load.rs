//! Measures how many packets a server stores: `cargo run -p peregrine-server --example load [agents] [packets] [rows]`.
//!
//! The server and the scripted agents share one process and machine. Each agent keeps one HTTP connection open and sends
//! monitoring rows, one packet after the other.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use bytes::Bytes;
use common::World;
use common::agent::Agent;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use peregrine_wire::ids;
use serde_json::json;
use std::time::Instant;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let number = |at: usize, otherwise: u64| {
        std::env::args()
            .nth(at)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (agents, packets, rows) = (number(1, 100), number(2, 100), number(3, 10));
    let world = World::with(|config| config.frontend.resources.enrollments_per_second = -1).await;
    let mut fleet = Vec::new();
    for _ in 0..agents {
        let agent = Agent::new(world.frontend(), &world.config).await;
        agent.enrol().await;
        fleet.push(agent);
    }
    let started = Instant::now();
    let mut tasks = Vec::new();
    for agent in fleet {
        tasks.push(tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(agent.address).await.unwrap();
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .unwrap();
            tokio::spawn(connection);
            for packet in 0..packets {
                let rows: Vec<String> = (0..rows)
                    .map(|n| json!({"Pid": n, "Name": "process", "Packet": packet}).to_string())
                    .collect();
                let body = agent.seal(vec![agent.rows(
                    ids::MONITORING,
                    "Linux.Events.TrackProcesses",
                    packet,
                    &rows,
                )]);
                let request = hyper::Request::post("/control").header("host", "load");
                let request = request.body(Full::new(Bytes::from(body))).unwrap();
                let reply = sender.send_request(request).await.unwrap();
                assert_eq!(reply.status(), 200);
                reply.into_body().collect().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    let total = agents * packets;
    println!(
        "{agents} agents, {total} packets of {rows} rows in {seconds:.2} s: {:.0} packets/s, {:.0} rows/s",
        total as f64 / seconds,
        (total * rows) as f64 / seconds
    );
    let stored = world.sign_in("tester").await.get("server/status").await["rows_stored"].clone();
    assert_eq!(stored, total * rows);
}
