//! How fast files are stored and read, in a folder and in a bucket beside it: `cargo run --release -p peregrine-store --example objects [MiB] [files]`.
//!
//! The bucket is in the memory of this process, behind a real connection: what is measured is our side and the protocol, without network and disks.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/stores/s3_server.rs"]
mod s3_server;

use bytes::Bytes;
use peregrine_store::{CloudObjects, FolderObjects, ObjectKey, Objects};
use std::time::Instant;

/// Bytes in a piece, as agents send them.
const PIECE: usize = 1 << 20;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let number = |at: usize, otherwise: usize| {
        let given = std::env::args().nth(at);
        given.map_or(otherwise, |text| text.parse().unwrap())
    };
    let (size, files) = (number(1, 64), number(2, 4));
    let folder = tempfile::tempdir().unwrap();
    let server = s3_server::S3Server::start().await;
    let bucket = CloudObjects::connect("s3://files/bench", &server.options())
        .await
        .unwrap();
    println!("{files} files of {size} MiB, one after another, MB/s");
    println!("| store | put | append | seal | get |\n|---|---|---|---|---|");
    measure(
        "folder",
        &FolderObjects::open(folder.path()).unwrap(),
        size,
        files,
    )
    .await;
    measure("S3", &bucket, size, files).await;
}

async fn measure(name: &str, store: &dyn Objects, size: usize, files: usize) {
    let piece = Bytes::from(vec![0x5a; PIECE]);
    let whole = Bytes::from(vec![0x5a; PIECE * size]);
    let keys: Vec<ObjectKey> = (0..files)
        .map(|file| ObjectKey::new(&["bench", &file.to_string()]))
        .collect();
    let speed = |started: Instant| (PIECE * size * files) as f64 / started.elapsed().as_secs_f64() / 1e6;

    let started = Instant::now();
    for key in &keys {
        store.put(key, whole.clone()).await.unwrap();
    }
    let put = speed(started);

    let started = Instant::now();
    for key in &keys {
        for at in 0..size {
            store
                .append(key, (at * PIECE) as u64, piece.clone())
                .await
                .unwrap();
        }
    }
    let append = speed(started);

    let started = Instant::now();
    for key in &keys {
        store.seal(key).await.unwrap();
    }
    let seal = speed(started);

    let started = Instant::now();
    for key in &keys {
        let mut reader = store.get(key, 0, None).await.unwrap();
        while let Some(bytes) = reader.pieces.recv().await {
            bytes.unwrap();
        }
    }
    let get = speed(started);
    println!("| {name} | {put:.0} | {append:.0} | {seal:.0} | {get:.0} |");
}
