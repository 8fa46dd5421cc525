//! Objects in a bucket, over a real connection to an S3 server in this process.

#![allow(clippy::unwrap_used)]

use crate::s3_server::{KEY, S3Server, SECRET};
use bytes::Bytes;
use peregrine_store::*;
use std::sync::atomic::Ordering::SeqCst;

const ADDRESS: &str = "s3://files/deployment";

async fn connect(server: &S3Server) -> CloudObjects {
    CloudObjects::connect(ADDRESS, &server.options()).await.unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::new(&["flows", "F.1", "upload"])
}

async fn append(store: &CloudObjects, offset: u64, data: impl Into<Bytes>) -> Appended {
    store.append(&key(), offset, data.into()).await.unwrap()
}

async fn content(store: &CloudObjects) -> Vec<u8> {
    let mut reader = store.get(&key(), 0, None).await.unwrap();
    let mut all = Vec::new();
    while let Some(piece) = reader.pieces.recv().await {
        all.extend_from_slice(&piece.unwrap());
    }
    assert_eq!(all.len() as u64, reader.size);
    all
}

/// Nothing but the sealed object is left in the bucket.
fn only_the_object_is_there(server: &S3Server) {
    assert_eq!(server.bucket.names(), ["deployment/flows/F.1/upload"]);
}

#[tokio::test]
async fn s3_passes_the_suite() {
    let server = S3Server::start().await;
    testing::objects(async || connect(&server).await).await;
}

#[tokio::test]
async fn ranges_are_read_and_nothing_where_an_object_has_nothing() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    for (data, offset, length, expected) in [
        ("abcdef", 2, Some(2), "cd"),
        ("abcdef", 2, None, "cdef"),
        ("abcdef", 4, Some(u64::MAX), "ef"),
        ("abcdef", 6, None, ""),
        ("abcdef", 2, Some(0), ""),
        ("", 0, Some(9), ""),
        ("", 0, None, ""),
    ] {
        store.put(&key(), data.into()).await.unwrap();
        let mut reader = store.get(&key(), offset, length).await.unwrap();
        let mut all = Vec::new();
        while let Some(piece) = reader.pieces.recv().await {
            all.extend_from_slice(&piece.unwrap());
        }
        assert_eq!(all, expected.as_bytes(), "{data:?} {offset} {length:?}");
        assert_eq!(reader.size, expected.len() as u64);
    }
    let missing = ObjectKey::new(&["flows", "missing"]);
    for offset in [0, 5] {
        let error = store.get(&missing, offset, None).await.err().unwrap();
        assert!(matches!(error, Error::NotFound { .. }), "{error}");
    }
}

#[tokio::test]
async fn two_servers_append_in_turns_and_any_can_end() {
    let server = S3Server::start().await;
    let (one, other) = (connect(&server).await, connect(&server).await);
    assert_eq!(append(&one, 0, "abc").await, Appended::Stored(3));
    assert_eq!(append(&other, 3, "def").await, Appended::Stored(6));
    assert_eq!(append(&one, 6, "ghi").await, Appended::Stored(9));
    assert_eq!(append(&other, 6, "ghi").await, Appended::Duplicate);
    assert_eq!(append(&one, 12, "xyz").await, Appended::Gap(9));
    drop(one);
    let third = connect(&server).await;
    assert_eq!(append(&third, 8, "ij").await, Appended::Stored(10), "overlap");
    assert_eq!(other.seal(&key()).await.unwrap(), 10);
    assert_eq!(third.seal(&key()).await.unwrap(), 10, "a repeated end of file");
    assert_eq!(content(&third).await, b"abcdefghij");
    only_the_object_is_there(&server);
    assert_eq!(append(&other, 10, "late").await, Appended::Gap(0));
}

#[tokio::test]
async fn what_one_server_began_anew_another_one_continues() {
    let server = S3Server::start().await;
    let (one, other) = (connect(&server).await, connect(&server).await);
    append(&one, 0, "abc").await;
    append(&one, 3, "def").await;
    // The agent did not get the answer, and sends it again to another server.
    assert_eq!(append(&other, 0, "ABC").await, Appended::Stored(3));
    assert_eq!(append(&other, 3, "DEF").await, Appended::Stored(6));
    // The part that the first server remembers has the same length but is of another attempt.
    assert_eq!(append(&one, 6, "GHI").await, Appended::Stored(9));
    assert_eq!(other.seal(&key()).await.unwrap(), 9);
    assert_eq!(content(&one).await, b"ABCDEFGHI");
    only_the_object_is_there(&server);
}

#[tokio::test]
async fn a_file_begun_anew_has_nothing_of_the_longer_one_before() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    append(&store, 0, "abcdef").await;
    append(&store, 6, "ghijkl").await;
    assert_eq!(append(&store, 0, "xy").await, Appended::Stored(2));
    assert_eq!(append(&store, 6, "ghijkl").await, Appended::Gap(2));
    assert_eq!(store.seal(&key()).await.unwrap(), 2);
    assert_eq!(content(&store).await, b"xy");
    only_the_object_is_there(&server);
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    assert_eq!(append(&store, 0, "").await, Appended::Stored(0));
    assert_eq!(store.seal(&key()).await.unwrap(), 0);
    assert_eq!(content(&store).await, b"");
    only_the_object_is_there(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_piece_at_two_servers_at_once_is_there_once() {
    let server = S3Server::start().await;
    let (one, other) = (connect(&server).await, connect(&server).await);
    append(&one, 0, "-").await;
    for at in 1..=30 {
        let piece = format!("{at:02}");
        let offset = at * 2 - 1;
        let (a, b) = tokio::join!(append(&one, offset, piece.clone()), append(&other, offset, piece));
        for appended in [a, b] {
            assert!(
                matches!(appended, Appended::Stored(_) | Appended::Duplicate),
                "{appended:?}"
            );
        }
    }
    assert_eq!(one.seal(&key()).await.unwrap(), 61);
    let expected: String = (1..=30).map(|at| format!("{at:02}")).collect();
    assert_eq!(content(&other).await, format!("-{expected}").as_bytes());
}

#[tokio::test]
async fn an_append_is_two_requests_however_many_were_before() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    append(&store, 0, "x").await;
    for offset in 1..40 {
        let before = server.bucket.requests.load(SeqCst);
        append(&store, offset, "x").await;
        assert_eq!(server.bucket.requests.load(SeqCst) - before, 2, "at {offset}");
    }
    assert_eq!(store.seal(&key()).await.unwrap(), 40);
}

#[tokio::test]
async fn a_seal_that_was_cut_short_before_it_deleted_its_parts_can_be_repeated() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    append(&store, 0, "abc").await;
    append(&store, 3, "def").await;
    server.bucket.refuses_deletes.store(true, SeqCst);
    assert_eq!(store.seal(&key()).await.unwrap(), 6);
    assert_eq!(server.bucket.names().len(), 3, "its parts are still there");
    server.bucket.refuses_deletes.store(false, SeqCst);
    let next = connect(&server).await;
    assert_eq!(append(&next, 3, "def").await, Appended::Duplicate);
    assert_eq!(next.seal(&key()).await.unwrap(), 6);
    assert_eq!(content(&next).await, b"abcdef");
    only_the_object_is_there(&server);
}

#[tokio::test]
async fn what_a_half_deleted_seal_left_does_not_replace_the_object() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    for (offset, data) in [(0, "abc"), (3, "def"), (6, "ghi")] {
        append(&store, offset, data).await;
    }
    server.bucket.refuses_deletes.store(true, SeqCst);
    store.seal(&key()).await.unwrap();
    server.bucket.refuses_deletes.store(false, SeqCst);
    // The order in which deletion would have continued: the beginning, then the other parts.
    let names = server.bucket.names();
    let parts: Vec<&String> = names.iter().filter(|name| name.contains(".parts")).collect();
    server.bucket.objects.lock().remove(parts[0]);
    server.bucket.objects.lock().remove(parts[2]);
    let next = connect(&server).await;
    assert_eq!(next.seal(&key()).await.unwrap(), 9);
    assert_eq!(content(&next).await, b"abcdefghi");
    only_the_object_is_there(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_is_put_together_with_little_memory_and_by_whoever_asks_again() {
    const MIB: usize = 1 << 20;
    let server = S3Server::start().await;
    let store = connect(&server).await;
    let piece = |at: usize| Bytes::from(vec![at as u8; MIB + at]);
    let (mut offset, mut expected) = (0, Vec::new());
    for at in 0..64 {
        append(&store, offset, piece(at)).await;
        offset += piece(at).len() as u64;
        expected.extend_from_slice(&piece(at));
    }
    // The first caller does not wait for the end.
    let impatient = tokio::spawn({
        let store = store.clone();
        async move { store.seal(&key()).await }
    });
    while server.bucket.multipart.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    impatient.abort();
    assert_eq!(store.seal(&key()).await.unwrap(), expected.len() as u64);
    assert_eq!(server.bucket.multipart.load(SeqCst), 1, "it went on");
    assert!(content(&store).await == expected);
    only_the_object_is_there(&server);
    assert_eq!(server.bucket.unfinished(), 0);
    let most = server.bucket.most_on_loan.load(SeqCst);
    assert!(most < 36 << 20, "{most} bytes in memory");
}

#[tokio::test]
async fn a_folder_is_deleted_with_what_is_under_construction_and_nothing_beside_it() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    let other = ObjectKey::new(&["flows", "F.10"]);
    store.put(&other, "kept".into()).await.unwrap();
    store.append(&other, 0, "kept".into()).await.unwrap();
    for at in 0..20 {
        let one = ObjectKey::new(&["flows", "F.1", &at.to_string()]);
        store.put(&one, "x".into()).await.unwrap();
    }
    append(&store, 0, "abc").await;
    let flow = ObjectKey::new(&["flows", "F.1"]);
    assert_eq!(store.list(&flow).await.unwrap().len(), 20);
    store.delete(&flow).await.unwrap();
    assert_eq!(store.list(&flow).await.unwrap(), []);
    assert_eq!(append(&store, 3, "def").await, Appended::Gap(0));
    assert_eq!(server.bucket.names().len(), 2, "{:?}", server.bucket.names());
    assert_eq!(store.seal(&other).await.unwrap(), 4);
}

#[tokio::test]
async fn what_cannot_work_is_said_at_start_and_without_secrets() {
    let server = S3Server::start().await;
    let failure = async |address: &str, options: &CloudOptions| {
        let error = CloudObjects::connect(address, options)
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains(address), "which one: {error}");
        assert!(!error.contains(SECRET) && !error.contains("wrong-"), "{error}");
        error
    };
    let error = failure("s3://missing", &server.options()).await;
    assert!(error.contains("no such bucket"), "{error}");
    for (key, secret) in [(KEY, "wrong-secret"), ("wrong-key", SECRET)] {
        let error = failure(ADDRESS, &server.options_with(key, secret)).await;
        assert!(error.contains("access denied"), "{error}");
    }
    server.bucket.ignores_conditions.store(true, SeqCst);
    let error = failure(ADDRESS, &server.options()).await;
    assert!(error.contains("If-None-Match"), "{error}");
    server.bucket.ignores_conditions.store(false, SeqCst);
    server.bucket.refuses_deletes.store(true, SeqCst);
    let error = failure(ADDRESS, &server.options()).await;
    assert!(error.contains("cannot delete: access denied"), "{error}");
    let nobody = S3Server {
        endpoint: "http://127.0.0.1:1".into(),
        bucket: Default::default(),
    };
    let error = failure(ADDRESS, &nobody.options()).await;
    assert!(error.contains("refused"), "{error}");
}

#[tokio::test]
async fn a_store_that_is_away_is_trouble_that_passes() {
    let server = S3Server::start().await;
    let store = connect(&server).await;
    append(&store, 0, "abc").await;
    server.bucket.refuses_deletes.store(true, SeqCst);
    let error = store.delete(&key()).await.unwrap_err();
    assert!(error.is_temporary(), "agents keep what they have: {error}");
}
