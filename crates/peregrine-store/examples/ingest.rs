//! How fast rows are stored durably: `cargo run -p peregrine-store --example ingest [agents] [rows] [postgres://…]`.
//!
//! Uses a SQLite file, or a database that should be empty. Every agent is one packet of its own client, all written
//! concurrently; this measures the group commit.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use peregrine_store::chunk::Chunk;
use peregrine_store::testing::client_id;
use peregrine_store::{ClientStore, Effect, OrgId, PostgresSettings, RowStore, SetKind, SqlAddress};
use std::sync::Arc;
use std::time::Instant;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let number = |at: usize, otherwise: u64| {
        std::env::args()
            .nth(at)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (agents, rows) = (number(1, 10_000), number(2, 10));
    let folder = tempfile::tempdir().unwrap();
    let store = match std::env::args().nth(3) {
        Some(url) => SqlAddress::from(PostgresSettings::parse(&url).unwrap()).open(),
        None => SqlAddress::File(folder.path().join("ingest.db")).open(),
    };
    let db = Arc::new(store.unwrap().org(&OrgId::root()));
    let text: String = (0..rows)
        .map(|n| format!("{{\"Pid\":{n},\"Name\":\"process {n}\",\"Exe\":\"/usr/bin/x\"}}\n"))
        .collect();

    let started = Instant::now();
    let mut tasks = Vec::new();
    for agent in 0..agents {
        let (db, text) = (db.clone(), text.clone());
        tasks.push(tokio::spawn(async move {
            let effect = Effect::Events {
                source: "Test.Events".into(),
                kind: SetKind::Events,
                digest: [0; 16],
                at: 1,
                chunk: Chunk::pack(text.as_bytes()).unwrap(),
            };
            db.apply(&client_id(format!("C.{agent:016x}")), 1, Arc::new([effect]))
                .await
                .unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{agents} packets of {rows} rows in {seconds:.2} s: {:.0} packets/s, {:.0} rows/s",
        agents as f64 / seconds,
        (agents * rows) as f64 / seconds
    );
    let started = Instant::now();
    let enrolled = 1000;
    for client in 0..enrolled {
        db.enrol(&client_id(format!("C.{client:016x}")), "pem", 1)
            .await
            .unwrap();
    }
    println!(
        "one write at a time: {:.0} commits/s",
        f64::from(enrolled) / started.elapsed().as_secs_f64()
    );
}
