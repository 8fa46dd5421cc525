//! How fast files are stored and read: `cargo run --release -p peregrine-store --example objects [files] [MB]`.
//!
//! Uses a folder and then a bucket, on an in-process server that speaks the protocol of S3 and keeps everything in
//! memory. Files arrive in pieces of a megabyte, four files at once, as agents send them.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![allow(dead_code, reason = "tests use more of the server")]

#[path = "../tests/stores/s3_server.rs"]
mod s3_server;

use bytes::Bytes;
use peregrine_store::{CloudObjects, FolderObjects, ObjectKey, Objects};
use std::sync::Arc;
use std::time::Instant;

const PIECE: usize = 1 << 20;
const AT_ONCE: u64 = 4;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let number = |at: usize, otherwise: u64| {
        std::env::args()
            .nth(at)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (files, megabytes) = (number(1, 16), number(2, 32));
    let folder = tempfile::tempdir().unwrap();
    let server = s3_server::S3Server::start().await;
    let bucket = CloudObjects::connect("s3://files/bench", &server.options())
        .await
        .unwrap();
    let stores: [(&str, Arc<dyn Objects>); 2] = [
        ("folder", Arc::new(FolderObjects::open(folder.path()).unwrap())),
        ("bucket", Arc::new(bucket)),
    ];
    for (name, store) in stores {
        let total = (files * megabytes) as f64;
        let started = Instant::now();
        all(files, &store, move |store, key| async move {
            for piece in 0..megabytes {
                let data = Bytes::from(vec![piece as u8; PIECE]);
                store.append(&key, piece * PIECE as u64, data).await.unwrap();
            }
            assert_eq!(store.seal(&key).await.unwrap(), megabytes * PIECE as u64);
        })
        .await;
        let stored = total / started.elapsed().as_secs_f64();
        let started = Instant::now();
        all(files, &store, move |store, key| async move {
            let mut reader = store.get(&key, 0, None).await.unwrap();
            let mut bytes = 0;
            while let Some(piece) = reader.pieces.recv().await {
                bytes += piece.unwrap().len();
            }
            assert_eq!(bytes as u64, megabytes * PIECE as u64);
        })
        .await;
        let read = total / started.elapsed().as_secs_f64();
        println!("{name}: {files} files of {megabytes} MB, {stored:.0} MB/s stored, {read:.0} MB/s read");
    }
}

/// Does the work for all files, several at once.
async fn all<Work>(files: u64, store: &Arc<dyn Objects>, work: impl Fn(Arc<dyn Objects>, ObjectKey) -> Work)
where
    Work: Future<Output = ()> + Send + 'static,
{
    for first in (0..files).step_by(AT_ONCE as usize) {
        let running: Vec<_> = (first..files.min(first + AT_ONCE))
            .map(|file| tokio::spawn(work(store.clone(), ObjectKey::new(&["files", &file.to_string()]))))
            .collect();
        for task in running {
            task.await.unwrap();
        }
    }
}
