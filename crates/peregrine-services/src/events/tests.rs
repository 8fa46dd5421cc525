//! What a watch yields: everything that comes after its start, once.

use super::{Arrival, News, Watch, emit, expire, watch};
use crate::users::Principal;
use crate::{Core, Settings, Storage, flows, servers};
use peregrine_artifacts::Repository;
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::client_id;
use peregrine_store::{ClientId, Effect, Micros, SetKind};
use peregrine_wire::Vault;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0123456789abcdef"));
const ARTIFACT: &str = "Generic.Client.Stats";

async fn core(folder: &TempDir) -> Core {
    let storage = Storage::embedded(folder.path()).unwrap();
    storage.database.enrol(&CLIENT, "key", 1).await.unwrap();
    let vault = Vault::new("test", "secret").unwrap();
    let opened = Core::open(
        storage,
        Repository::with_compiled_in(),
        None,
        vault,
        Settings::default(),
    );
    opened.await.unwrap()
}

fn start(core: &Core, artifact: &str) -> Arc<Watch> {
    watch(core, &Principal::of_server(), artifact).unwrap()
}

/// Rows as a client sends them: numbers from `first` on.
async fn send(core: &Core, client_id: &ClientId, source: &str, numbers: Range<u64>) {
    send_at(core, client_id, source, numbers, crate::clock::now()).await;
}

async fn send_at(core: &Core, client_id: &ClientId, source: &str, numbers: Range<u64>, at: Micros) {
    let text: String = numbers
        .clone()
        .map(|number| format!("{{\"N\":{number}}}\n"))
        .collect();
    let mut digest = [0; 16];
    digest[..8].copy_from_slice(&numbers.start.to_le_bytes());
    let events = Effect::Events {
        source: source.into(),
        kind: SetKind::Events,
        digest,
        at,
        chunk: Chunk::pack(text.as_bytes()).unwrap(),
    };
    flows::store(core, client_id, vec![events]).await.unwrap();
}

/// Numbers that come, until there are this many.
async fn numbers(core: &Core, watch: &Watch, count: usize) -> Vec<u64> {
    let mut found = Vec::new();
    while found.len() < count {
        for row in rows(core, watch).await {
            found.push(row["N"].as_u64().unwrap());
        }
    }
    found
}

async fn rows(core: &Core, watch: &Watch) -> Vec<Value> {
    let next = tokio::time::timeout(Duration::from_mins(1), watch.next(core));
    match next.await.expect("rows come").unwrap() {
        News::Rows { lines, .. } => peregrine_store::chunk::lines(&lines)
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect(),
        News::Lost(count) => panic!("{count} rows lost"),
    }
}

async fn has_nothing(core: &Core, watch: &Watch) -> bool {
    tokio::time::timeout(Duration::from_millis(50), watch.next(core))
        .await
        .is_err()
}

#[tokio::test]
async fn rows_come_once_and_only_those_that_are_wanted() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    send(&core, &CLIENT, ARTIFACT, 0..5).await;
    let all = start(&core, ARTIFACT);
    let one = start(&core, "Generic.Client.Stats/One");
    send(&core, &CLIENT, ARTIFACT, 5..8).await;
    send(&core, &CLIENT, "Generic.Client.Stats/One", 100..101).await;
    send(&core, &CLIENT, "Generic.Client.Statistics", 200..201).await;
    // A packet that comes again.
    send(&core, &CLIENT, ARTIFACT, 5..8).await;
    assert_eq!(numbers(&core, &all, 4).await, [5, 6, 7, 100]);
    assert_eq!(numbers(&core, &one, 1).await, [100]);
    assert!(has_nothing(&core, &all).await && has_nothing(&core, &one).await);
}

#[tokio::test]
async fn a_reader_that_falls_behind_gets_the_rest_from_the_database() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let other = client_id("C.0000000000000002");
    core.storage.database.enrol(&other, "key", 1).await.unwrap();
    send(&core, &CLIENT, ARTIFACT, 0..5).await;
    let slow = start(&core, ARTIFACT);
    send(&core, &CLIENT, ARTIFACT, 5..8).await;
    assert_eq!(numbers(&core, &slow, 3).await, [5, 6, 7]);
    // From here on it is told nothing, as if there were no room, or as if another server stored the rows.
    core.watches.look_again();
    send(&core, &CLIENT, ARTIFACT, 8..10).await;
    send(&core, &other, ARTIFACT, 50..52).await;
    let mut found = numbers(&core, &slow, 4).await;
    found.sort_unstable();
    assert_eq!(found, [8, 9, 50, 51]);
    // What is told after all is known already.
    let set = core.storage.database.event_sets(&CLIENT).await.unwrap()[0].id;
    core.watches.deliver(ARTIFACT, || Arrival {
        client_id: CLIENT.clone(),
        set,
        source: ARTIFACT.into(),
        rows: 7..10,
        chunk: None,
    });
    send(&core, &CLIENT, ARTIFACT, 10..11).await;
    assert_eq!(numbers(&core, &slow, 1).await, [10]);
    assert!(has_nothing(&core, &slow).await);
}

#[tokio::test]
async fn more_rows_than_wait_in_memory_come_all_the_same() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let slow = start(&core, ARTIFACT);
    let mut random = 1u64;
    for packet in 0..40u64 {
        let mut text = String::new();
        for number in packet * 500..(packet + 1) * 500 {
            text += &format!("{{\"N\":{number},\"Noise\":\"");
            // What cannot be compressed much, so that the packets fill the memory.
            for _ in 0..60 {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                text.extend(
                    (4..14)
                        .map(|at| char::from(b'?' + ((random >> (4 * at)) & 0x3f) as u8))
                        .filter(|char| *char != '\\'),
                );
            }
            text += "\"}\n";
        }
        let mut digest = [1; 16];
        digest[..8].copy_from_slice(&packet.to_le_bytes());
        let events = Effect::Events {
            source: ARTIFACT.into(),
            kind: SetKind::Events,
            digest,
            at: crate::clock::now(),
            chunk: Chunk::pack(text.as_bytes()).unwrap(),
        };
        flows::store(&core, &CLIENT, vec![events]).await.unwrap();
    }
    let mut found = numbers(&core, &slow, 20_000).await;
    found.sort_unstable();
    assert_eq!(found, (0..20_000).collect::<Vec<u64>>());
    assert!(has_nothing(&core, &slow).await);
}

#[tokio::test]
async fn rows_of_other_servers_are_read_from_the_database_in_whatever_order_they_are_told() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let watch = start(&core, ARTIFACT);
    // Stored without telling anybody, as another server does.
    for first in [0u64, 10, 20] {
        let text: String = (first..first + 10)
            .map(|number| format!("{{\"N\":{number}}}\n"))
            .collect();
        let mut digest = [2; 16];
        digest[..8].copy_from_slice(&first.to_le_bytes());
        let events = Effect::Events {
            source: ARTIFACT.into(),
            kind: SetKind::Events,
            digest,
            at: crate::clock::now(),
            chunk: Chunk::pack(text.as_bytes()).unwrap(),
        };
        let database = &core.storage.database;
        database.apply(&CLIENT, 1, vec![events].into()).await.unwrap();
    }
    let set = core.storage.database.event_sets(&CLIENT).await.unwrap()[0].id;
    for rows in [20..30, 0..10, 10..20, 0..10] {
        core.watches.deliver(ARTIFACT, || Arrival {
            client_id: CLIENT.clone(),
            set,
            source: ARTIFACT.into(),
            rows,
            chunk: None,
        });
    }
    let mut found = numbers(&core, &watch, 30).await;
    found.sort_unstable();
    assert_eq!(found, (0..30).collect::<Vec<u64>>());
    assert!(has_nothing(&core, &watch).await);
}

#[tokio::test]
async fn the_events_of_a_client_that_was_deleted_and_comes_again_are_seen() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let database = &core.storage.database;
    let watch = start(&core, ARTIFACT);
    send(&core, &CLIENT, ARTIFACT, 0..5).await;
    assert_eq!(numbers(&core, &watch, 5).await, [0, 1, 2, 3, 4]);
    for (round, is_told) in [(1, true), (2, false)] {
        database.delete_client(&CLIENT).await.unwrap();
        database.enrol(&CLIENT, "key", 1).await.unwrap();
        if !is_told {
            core.watches.look_again();
        }
        send(&core, &CLIENT, ARTIFACT, round * 10..round * 10 + 3).await;
        let expected: Vec<_> = (round * 10..round * 10 + 3).collect();
        assert_eq!(numbers(&core, &watch, 3).await, expected);
        assert!(has_nothing(&core, &watch).await);
    }
}

#[tokio::test]
async fn queues_of_the_server_are_stored_or_only_passed_on_by_their_type() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let watches = [
        "Server.Internal.Enrollment",
        "Server.Internal.ClientDelete",
        ARTIFACT,
    ];
    let watches = watches.map(|queue| (queue, start(&core, queue)));
    for (queue, watch) in &watches {
        let Value::Object(row) = json!({"A": 1}) else {
            unreachable!()
        };
        emit(&core, queue, &CLIENT, row).await.unwrap();
        let mut row = rows(&core, watch).await.remove(0);
        assert!(row["_ts"].take().is_number());
        let has_client = *queue == ARTIFACT;
        let client = if has_client { json!(*CLIENT) } else { Value::Null };
        assert_eq!((&row["A"], &row["ClientId"]), (&json!(1), &client), "{queue}");
        assert!(has_nothing(&core, watch).await);
    }
    let stored = async |client_id: &ClientId| {
        let sets = core.storage.database.event_sets(client_id).await.unwrap();
        sets.into_iter().map(|set| set.name).collect::<Vec<_>>()
    };
    assert_eq!(stored(&CLIENT).await, [ARTIFACT]);
    assert_eq!(
        stored(&ClientId::server()).await,
        ["Server.Internal.ClientDelete"]
    );
    for (queue, why) in [
        ("Generic.Client.Stat", "not found"),
        ("Linux.Sys.Pslist", "has no events"),
    ] {
        let error = emit(&core, queue, &CLIENT, serde_json::Map::new())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_queue_that_is_not_stored_counts_what_a_slow_reader_loses() {
    let folder = TempDir::new().unwrap();
    let core = core(&folder).await;
    let queue = "Server.Internal.Enrollment";
    let slow = start(&core, queue);
    for number in 0..10_003 {
        let Value::Object(row) = json!({"N": number}) else {
            unreachable!()
        };
        emit(&core, queue, &CLIENT, row).await.unwrap();
    }
    assert_eq!(numbers(&core, &slow, 10_000).await.len(), 10_000);
    assert!(matches!(slow.next(&core).await.unwrap(), News::Lost(3)));
    assert!(has_nothing(&core, &slow).await);
}

#[tokio::test]
async fn events_are_kept_as_long_as_the_deployment_says() {
    const HOUR: Micros = 3600 * 1_000_000;
    let folder = TempDir::new().unwrap();
    let mut core = core(&folder).await;
    servers::join(&core).await.unwrap();
    let now = crate::clock::now();
    for (number, hours) in [200, 73, 49, 47, 1].into_iter().enumerate() {
        let number = number as u64;
        send_at(&core, &CLIENT, ARTIFACT, number..number + 1, now - hours * HOUR).await;
    }
    send_at(&core, &CLIENT, "Generic.Client.Old", 0..9, now - 100 * HOUR).await;
    let kept = async |core: &Core| {
        let sets = core.storage.database.event_sets(&CLIENT).await.unwrap();
        let kept = sets
            .into_iter()
            .map(|set| (set.name.clone(), set.first_row, set.rows()));
        kept.collect::<Vec<_>>()
    };
    let all = kept(&core).await;
    assert_eq!(all.len(), 2);
    expire(&core).await.unwrap();
    assert_eq!(kept(&core).await, all, "they are kept for ever by default");
    core.settings.event_days = 2;
    expire(&core).await.unwrap();
    assert_eq!(kept(&core).await, [(ARTIFACT.to_owned(), 3, 2)]);
}
