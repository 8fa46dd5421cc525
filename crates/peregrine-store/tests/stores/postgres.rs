//! The database on a PostgreSQL server.

use peregrine_store::chunk::Chunk;
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::*;
use peregrine_testkit::Postgres;
use std::sync::Arc;
use std::sync::LazyLock;

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0000000000000001"));

fn connect(url: &str) -> Result<SqlStore> {
    SqlAddress::from(PostgresSettings::parse(url)?).open()
}

/// Runs statements directly, without the store.
fn raw(url: &str, sql: &str) {
    let (url, sql) = (url.to_owned(), sql.to_owned());
    let run = move || {
        let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
        client.batch_execute(&sql).unwrap();
    };
    std::thread::spawn(run).join().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite() {
    let Some(server) = Postgres::shared() else { return };
    testing::sql(async || connect(&server.database()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_at_once_make_the_tables_once() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let started: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            std::thread::spawn(move || connect(&url).unwrap())
        })
        .collect();
    for store in started {
        let db = store.join().unwrap().org(&OrgId::root());
        assert_eq!(db.counts().await.unwrap(), Counts::default());
    }
}

/// Several servers write rows of one client at once, each of them twice: none is lost, none is stored twice.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_write_for_one_client_do_not_lose_or_double_anything() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let servers: Vec<Arc<OrgDatabase>> = (0..2)
        .map(|_| Arc::new(connect(&url).unwrap().org(&OrgId::root())))
        .collect();
    let db = &servers[0];
    db.enrol(&CLIENT, "pem", 1).await.unwrap();
    db.create_flow(Flow::new(CLIENT.clone(), flow_id("F.A")), Vec::new())
        .await
        .unwrap();
    let mut writes = Vec::new();
    for start in 0..50u64 {
        for db in &servers {
            let db = db.clone();
            writes.push(tokio::spawn(async move {
                let effect = Effect::Rows {
                    flow_id: flow_id("F.A"),
                    source: "A".into(),
                    start_row: Some(start * 2),
                    chunk: Chunk::pack(
                        format!("{{\"n\":{}}}\n{{\"n\":{}}}\n", start * 2, start * 2 + 1).as_bytes(),
                    )
                    .unwrap(),
                };
                let label = format!("label {start}");
                db.set_labels(&CLIENT, &[label], &[], 1).await.unwrap();
                db.apply(&CLIENT, 2, Arc::new([effect])).await.unwrap()
            }));
        }
    }
    let (mut appended, mut duplicates) = (0, 0);
    for write in writes {
        match write.await.unwrap()[0] {
            Outcome::Appended { .. } => appended += 1,
            Outcome::Duplicate => duplicates += 1,
            ref other => panic!("{other:?}"),
        }
    }
    assert_eq!((appended, duplicates), (50, 50));
    let flow = db.flow(&CLIENT, &flow_id("F.A")).await.unwrap().unwrap();
    assert_eq!(flow.rows, 100);
    let sets = db.result_sets(&CLIENT, &flow_id("F.A")).await.unwrap();
    assert_eq!((sets.len(), sets[0].end_row), (1, 100));
    assert_eq!(db.client(&CLIENT).await.unwrap().unwrap().labels.len(), 50);
}

/// Several servers let the same clients join a hunt at once: each joins once, and no more than may.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_recruit_for_one_hunt_take_every_client_once() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let servers: Vec<Arc<OrgDatabase>> = (0..3)
        .map(|_| Arc::new(connect(&url).unwrap().org(&OrgId::root())))
        .collect();
    let db = &servers[0];
    let clients: Vec<ClientId> = (0..40).map(|n| client_id(format!("C.{n:016x}"))).collect();
    for client in &clients {
        db.enrol(client, "pem", 1).await.unwrap();
    }
    let hunt = Hunt {
        client_limit: 30,
        ..testing::running_hunt("H.A")
    };
    let id = hunt.hunt_id.clone();
    let payload = HuntPayload {
        task: b"message".to_vec(),
        sealed: None,
    };
    db.create_hunt(hunt, payload).await.unwrap();
    let mut attempts = Vec::new();
    for start in 0..5 {
        for db in &servers {
            let (db, id) = (db.clone(), id.clone());
            let some = clients.iter().skip(start * 5).take(20).cloned().collect();
            attempts.push(tokio::spawn(async move {
                db.join_hunt(&id, some, Admission::ByCondition, 2)
                    .await
                    .unwrap()
                    .clients
            }));
        }
    }
    let mut joined = Vec::new();
    for attempt in attempts {
        joined.extend(attempt.await.unwrap());
    }
    let count = joined.len();
    joined.sort();
    joined.dedup();
    assert_eq!((count, joined.len()), (30, 30));
    let stored = db.hunt(&id).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.joined), (HuntState::Stopped, 30));
    assert_eq!(db.counts().await.unwrap().flows_running, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_made_again() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    let db = connect(&url).unwrap().org(&OrgId::root());
    db.set_setting("a", "1").await.unwrap();
    assert_eq!(db.setting("a").await.unwrap().as_deref(), Some("1"));
    for number in 0..3 {
        raw(
            &url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        assert!(db.setting("a").await.unwrap().is_some());
        let value = number.to_string();
        db.set_setting("a", &value).await.unwrap();
        assert_eq!(db.setting("a").await.unwrap(), Some(value));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_refused_with_a_clear_message() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database();
    drop(connect(&url).unwrap());
    raw(&url, "UPDATE schema_version SET version = 999");
    let error = connect(&url).unwrap_err().to_string();
    assert!(error.contains("start a newer program"), "{error}");

    let (before, _) = url.rsplit_once('/').unwrap();
    let error = connect(&format!("{before}/nowhere")).unwrap_err().to_string();
    assert!(
        error.contains("`nowhere`") && error.contains("does not exist"),
        "{error}"
    );

    let (_, place) = url.rsplit_once('@').unwrap();
    let error = connect(&format!("postgres://tester:geheim@{place}"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("authentication failed") && !error.contains("geheim"),
        "{error}"
    );

    let error = connect("postgres://tester:geheim@127.0.0.1:1/db")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`db` on PostgreSQL server `127.0.0.1`") && !error.contains("geheim"),
        "{error}"
    );
}
