//! From which size on rows are better stored as objects: `cargo run -p peregrine-store --example frames [postgres://…]`.
//!
//! Many agents at once store frames of several sizes, in the database and as objects in a folder, which are then read
//! back set by set. Uses a SQLite file, or a database that should be empty. At the end, the database's size on disk is
//! measured.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use peregrine_store::ClientId;
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::client_id;
use peregrine_store::{
    Effect, FolderObjects, OrgDatabase, OrgId, PostgresSettings, RowStore, SetKind, SettingStore, SqlAddress,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Bytes stored for each size and method, and most frames.
const TOTAL: usize = 32 << 20;
const MAX_FRAMES: usize = 1600;
const AGENTS: usize = 16;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let url = std::env::args().nth(1);
    println!("   frame  where     stored MB/s  frames/s  read MB/s  database MB");
    for size in [
        4 << 10,
        16 << 10,
        32 << 10,
        64 << 10,
        128 << 10,
        256 << 10,
        1 << 20,
    ] {
        let chunk = frame(size);
        for beyond in [usize::MAX, 0] {
            let folder = tempfile::tempdir_in(".").unwrap();
            run(folder.path(), url.as_deref(), &chunk, beyond).await;
        }
    }
}

/// A frame of at least `size` bytes, of rows that compress to about a quarter.
fn frame(size: usize) -> Chunk {
    let mut state = 1u64;
    let mut text = String::new();
    while text.len() < 4 * size {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        text.push_str(&format!("{{\"Hash\":\"{state:016x}\",\"Name\":\"process\"}}\n"));
    }
    Chunk::pack(text.as_bytes()).unwrap()
}

async fn run(folder: &Path, url: Option<&str>, chunk: &Chunk, beyond: usize) {
    let objects = Arc::new(FolderObjects::open(&folder.join("objects")).unwrap());
    let address = match url {
        Some(url) => SqlAddress::from(PostgresSettings::parse(url).unwrap()),
        None => SqlAddress::File(folder.join("frames.db")),
    };
    let store = address.open().unwrap().with_objects(objects, beyond);
    if let Some(url) = url {
        on_server(url, "TRUNCATE chunks, result_sets, row_objects").await;
    }
    let db = Arc::new(store.org(&OrgId::root()));
    let count = (TOTAL / chunk.data.len()).min(MAX_FRAMES).div_ceil(AGENTS);

    let started = Instant::now();
    each_agent(&db, chunk, move |db, agent, chunk| async move {
        for number in 0..count {
            let mut digest = [0; 16];
            digest[..8].copy_from_slice(&(number as u64).to_le_bytes());
            let effect = Effect::Events {
                source: "Test.Events".into(),
                kind: SetKind::Events,
                digest,
                at: 1,
                chunk: chunk.clone(),
            };
            db.apply(&agent, 1, Arc::new([effect])).await.unwrap();
        }
    })
    .await;
    let storing = started.elapsed().as_secs_f64();

    let started = Instant::now();
    each_agent(&db, chunk, move |db, agent, _| async move {
        let set = db.event_sets(&agent).await.unwrap().remove(0);
        let mut next = 0;
        while let Some(last) = db.read_chunks(set.id, next, 1 << 20).await.unwrap().pop() {
            next = last.first_row + last.chunk.rows;
        }
    })
    .await;
    let reading = started.elapsed().as_secs_f64();

    db.checkpoint().await.unwrap();
    let megabytes = (count * AGENTS * chunk.data.len()) as f64 / 1e6;
    println!(
        "{:>6} kB  {}  {:>11.0}  {:>8.0}  {:>9.0}  {:>11.1}",
        chunk.data.len() >> 10,
        if beyond == 0 { "objects " } else { "database" },
        megabytes / storing,
        (count * AGENTS) as f64 / storing,
        megabytes / reading,
        size_of(folder, url).await as f64 / 1e6,
    );
}

/// Runs this for all agents concurrently.
async fn each_agent<F: Future<Output = ()> + Send + 'static>(
    db: &Arc<OrgDatabase>,
    chunk: &Chunk,
    work: impl Fn(Arc<OrgDatabase>, ClientId, Chunk) -> F,
) {
    let agents: Vec<_> = (0..AGENTS)
        .map(|agent| {
            tokio::spawn(work(
                db.clone(),
                client_id(format!("C.{agent:016x}")),
                chunk.clone(),
            ))
        })
        .collect();
    for agent in agents {
        agent.await.unwrap();
    }
}

/// Size of the database in bytes.
async fn size_of(folder: &Path, url: Option<&str>) -> u64 {
    match url {
        Some(url) => on_server(url, "SELECT pg_total_relation_size('chunks')::text").await,
        None => std::fs::metadata(folder.join("frames.db")).unwrap().len(),
    }
}

/// Runs a statement; returns the number it answers with, if any.
async fn on_server(url: &str, sql: &'static str) -> u64 {
    let url = url.to_owned();
    let run = move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        let answer = client.simple_query(sql).unwrap();
        answer
            .iter()
            .find_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            })
            .unwrap_or(0)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}
