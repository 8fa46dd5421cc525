//! The embedded implementations pass the suites, and what only they promise.

#![allow(clippy::unwrap_used)]

use peregrine_store::chunk::Chunk;
use peregrine_store::*;
use std::path::Path;
use std::sync::Arc;

fn open(folder: &Path) -> SqliteDatabase {
    SqliteDatabase::open(&folder.join("peregrine.db")).unwrap()
}

#[tokio::test]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    testing::sql(async || {
        number += 1;
        SqliteDatabase::open(&folder.path().join(format!("{number}.db"))).unwrap()
    })
    .await;
}

#[tokio::test]
async fn folder_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    testing::objects(async || FolderObjects::open(folder.path()).unwrap()).await;
}

#[tokio::test]
async fn local_bus_passes_the_suite() {
    testing::bus(async || LocalBus::new()).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).set_setting("a", "1").await.unwrap();
    assert_eq!(
        open(folder.path()).setting("a").await.unwrap().as_deref(),
        Some("1")
    );
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_a_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let raw = rusqlite::Connection::open(folder.path().join("peregrine.db")).unwrap();
    raw.pragma_update(None, "user_version", 999).unwrap();
    drop(raw);
    let error = SqliteDatabase::open(&folder.path().join("peregrine.db")).unwrap_err();
    assert!(error.to_string().contains("start a newer program"), "{error}");
}

#[test]
fn a_second_process_is_refused_with_a_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    let lock = FolderLock::take(folder.path()).unwrap();
    let error = FolderLock::take(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Locked(_)), "{error}");
    drop(lock);
    FolderLock::take(folder.path()).unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    db.enrol("C.1", "pem", 1).await.unwrap();
    db.limit_pages(60).await.unwrap();
    let noise: String = (0..20_000u64)
        .map(|n| format!("{{\"n\":{}}}\n", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let chunk = Chunk::pack(noise.as_bytes()).unwrap();
    let event = |digest| Effect::Events {
        source: "A".into(),
        kind: SetKind::Events,
        digest: [digest; 16],
        at: 1,
        chunk: chunk.clone(),
    };
    let mut refused = None;
    for digest in 0..20 {
        if let Err(error) = db.apply("C.1", 1, vec![event(digest)]).await {
            refused = Some((digest, error));
            break;
        }
    }
    let (digest, error) = refused.unwrap();
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert_eq!(
        db.event_sets("C.1")
            .await
            .unwrap()
            .iter()
            .map(ResultSet::rows)
            .sum::<u64>(),
        u64::from(digest) * 20_000
    );
    db.limit_pages(1_000_000).await.unwrap();
    let again = db.apply("C.1", 1, vec![event(digest)]).await.unwrap();
    assert!(
        matches!(again[0], Outcome::Appended { .. }),
        "the agent's repeat is stored: {again:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_write_does_not_take_others_of_its_batch_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = Arc::new(open(folder.path()));
    let mut tasks = Vec::new();
    for number in 0..200 {
        let db = db.clone();
        tasks.push(tokio::spawn(async move {
            if number % 2 == 0 {
                db.set_setting(&format!("s{number}"), "x").await.is_ok()
            } else {
                db.delete_flow("C.1", "F.none").await.is_err()
            }
        }));
    }
    for task in tasks {
        assert!(task.await.unwrap());
    }
    for number in (0..200).step_by(2) {
        assert!(db.setting(&format!("s{number}")).await.unwrap().is_some());
    }
}
