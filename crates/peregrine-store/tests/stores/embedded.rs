//! The embedded implementations pass the suites, and keep the promises that only they make.

use peregrine_store::chunk::{Block, Chunk};
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::*;
use std::path::Path;
use std::sync::Arc;

fn open(folder: &Path) -> OrgDatabase {
    store_at(folder).org(&OrgId::root())
}

fn store_at(folder: &Path) -> SqlStore {
    SqlAddress::File(folder.join("peregrine.db")).open().unwrap()
}

fn missing(folder: &Path) -> u64 {
    store_at(folder).missing_transactions()
}

#[tokio::test]
async fn sqlite_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    testing::sql(async || {
        number += 1;
        SqlAddress::File(folder.path().join(format!("{number}.db")))
            .open()
            .unwrap()
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
    let error = SqlAddress::File(folder.path().join("peregrine.db"))
        .open()
        .unwrap_err();
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
    db.enrol(&client_id("C.1"), "pem", 1).await.unwrap();
    db.limit_pages(80).await.unwrap();
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
        if let Err(error) = db.apply(&client_id("C.1"), 1, Arc::new([event(digest)])).await {
            refused = Some((digest, error));
            break;
        }
    }
    let (digest, error) = refused.unwrap();
    assert!(matches!(error, Error::Full(_)), "{error}");
    assert_eq!(
        db.event_sets(&client_id("C.1"))
            .await
            .unwrap()
            .iter()
            .map(ResultSet::rows)
            .sum::<u64>(),
        u64::from(digest) * 20_000
    );
    db.limit_pages(1_000_000).await.unwrap();
    let again = db
        .apply(&client_id("C.1"), 1, Arc::new([event(digest)]))
        .await
        .unwrap();
    assert!(
        matches!(again[0], Outcome::Appended { .. }),
        "the agent's repeat is stored: {again:?}"
    );
}

#[tokio::test]
async fn a_checkpoint_leaves_nothing_in_the_log_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    db.set_setting("a", "1").await.unwrap();
    assert_eq!(
        db.setting("a").await.unwrap().as_deref(),
        Some("1"),
        "a reader is open"
    );
    let log = folder.path().join("peregrine.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    db.checkpoint().await.unwrap();
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
}

/// What a killed server leaves on disk: copies the files while it runs.
fn snapshot(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn a_damaged_log_file_is_noticed_at_the_next_start() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = store_at(folder.path());
    assert_eq!(store.missing_transactions(), 0);
    let db = store.org(&OrgId::root());
    for number in 0..5 {
        db.set_setting("a", &number.to_string()).await.unwrap();
    }
    snapshot(folder.path(), copy.path());
    assert_eq!(missing(copy.path()), 0, "a kill loses nothing");
    snapshot(folder.path(), copy.path());
    let log = copy.path().join("peregrine.db-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let end = bytes.len() - 100;
    bytes[end] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let damaged = store_at(copy.path());
    assert_eq!(damaged.missing_transactions(), 1);
    let damaged = damaged.org(&OrgId::root());
    assert_eq!(damaged.setting("a").await.unwrap().as_deref(), Some("3"));
    drop(damaged);
    assert_eq!(missing(copy.path()), 0, "said once");
}

#[tokio::test]
async fn a_second_writer_neither_hides_nor_feigns_a_loss() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = open(folder.path());
    let command_line = open(folder.path());
    for number in 0..5 {
        server.set_setting("a", &number.to_string()).await.unwrap();
    }
    command_line.set_setting("b", "1").await.unwrap();
    snapshot(folder.path(), copy.path());
    assert_eq!(missing(copy.path()), 0);
    server.set_setting("a", "5").await.unwrap();
    snapshot(folder.path(), copy.path());
    let log = copy.path().join("peregrine.db-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let end = bytes.len() - 100;
    bytes[end] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    assert_eq!(missing(copy.path()), 1);
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_made_anew_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).set_setting("a", "1").await.unwrap();
    let path = folder.path().join("peregrine.db");
    std::fs::write(&path, b"").unwrap();
    let error = SqlAddress::File(path.clone()).open().unwrap_err().to_string();
    assert!(
        error.contains("missing or empty") && error.contains(".mark"),
        "{error}"
    );
    std::fs::remove_file(&path).unwrap();
    assert!(SqlAddress::File(path.clone()).open().is_err());
    std::fs::remove_file(folder.path().join("peregrine.db.mark")).unwrap();
    open(folder.path());
}

#[tokio::test]
async fn a_database_that_is_deleted_while_it_is_in_use_acknowledges_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peregrine.db");
    let db = open(folder.path());
    db.set_setting("a", "1").await.unwrap();
    let copy = folder.path().join("copy");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::remove_file(&path).unwrap();
    let check = async |why: &str| {
        let error = db.set_setting("a", "2").await.unwrap_err();
        assert!(matches!(error, Error::Gone(_)), "{why}: {error}");
        assert!(error.is_temporary(), "{why}: agents keep what they have");
    };
    check("deleted").await;
    std::fs::rename(&copy, &path).unwrap();
    check("another file in its place").await;
}

#[tokio::test]
async fn damage_in_one_chunk_hides_only_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    // Incompressible, so that each fills pages of its own.
    let text = |number: u64| -> String {
        (0..2000u64)
            .map(|n| format!("{{\"n\":{}}}\n", (n + number).wrapping_mul(0x9e37_79b9_7f4a_7c15)))
            .collect()
    };
    let effects = (0..3).map(|number| Effect::Events {
        source: "A".into(),
        kind: SetKind::Events,
        digest: [number; 16],
        at: 1,
        chunk: Chunk::pack(text(u64::from(number) * 5000).as_bytes()).unwrap(),
    });
    db.enrol(&client_id("C.1"), "pem", 1).await.unwrap();
    db.apply(&client_id("C.1"), 1, effects.collect()).await.unwrap();
    let set = db.event_sets(&client_id("C.1")).await.unwrap().remove(0);
    let chunks = db.read_chunks(set.id, 0, usize::MAX).await.unwrap();
    let (middle, whole) = (chunks[1].chunk.data.clone(), chunks.len());
    db.checkpoint().await.unwrap();
    drop(db);
    let path = folder.path().join("peregrine.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let part = &middle[middle.len() / 2..middle.len() / 2 + 64];
    let at = bytes.windows(64).position(|window| window == part).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let db = open(folder.path());
    let chunks = db.read_chunks(set.id, 0, usize::MAX).await.unwrap();
    assert_eq!(chunks.len(), whole);
    let lines: Vec<u64> = chunks
        .iter()
        .map(|stored| {
            let block = Block::read(stored.first_row, &stored.chunk);
            block.lines_from(0).map(|line| line.missing).sum()
        })
        .collect();
    assert_eq!(lines, [0, 2000, 0]);
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
                db.delete_flow(&client_id("C.1"), &flow_id("F.NONE"))
                    .await
                    .is_err()
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

#[tokio::test]
async fn read_only_reads_beside_the_writer_and_never_writes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("peregrine.db");
    assert!(
        SqlAddress::File(path.clone()).open_read_only().is_err(),
        "nothing is made"
    );
    assert!(!path.exists());
    let writing = open(folder.path());
    let reading = SqlAddress::File(path.clone())
        .open_read_only()
        .unwrap()
        .org(&OrgId::root());
    writing.enrol(&client_id("C.1"), "key", 5).await.unwrap();
    assert_eq!(
        reading.client_key(&client_id("C.1")).await.unwrap().as_deref(),
        Some("key")
    );
    assert!(matches!(
        reading.set_setting("a", "b").await,
        Err(Error::ReadOnly)
    ));
}
