//! A database written by an earlier version opens, and has everything that was in it.

use peregrine_store::chunk::lines;
use peregrine_store::testing::{client_id, flow_id};
use peregrine_store::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::LazyLock;

fn by(kind: TermKind, text: &str) -> ClientFilter {
    ClientFilter::Term(vec![kind], TermPattern::glob(text).unwrap())
}

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0000000000000001"));

/// A file of schema 3, the last one before organisations: written by that version, then compressed.
fn schema_3(folder: &Path) -> PathBuf {
    let file = folder.join("peregrine.db");
    let data = include_bytes!("data/schema_3.db.zst");
    std::fs::write(&file, zstd::decode_all(&data[..]).unwrap()).unwrap();
    file
}

#[tokio::test]
async fn everything_is_there_after_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let file = schema_3(folder.path());
    assert!(matches!(
        SqlAddress::File(file.clone()).open_read_only(),
        Err(Error::SchemaTooOld { found: 3, .. })
    ));
    let store = SqlAddress::File(file.clone()).open().unwrap();
    assert_eq!(store.missing_transactions(), 0);
    let db = store.org(&OrgId::root());

    assert_eq!(db.setting("greeting").await.unwrap().as_deref(), Some("hello"));
    assert_eq!(db.client_key(&CLIENT).await.unwrap().as_deref(), Some("pem 1"));
    let client = db.client(&CLIENT).await.unwrap().unwrap();
    assert_eq!(client.labels, ["blue", "Straße"]);
    assert_eq!(
        (client.first_seen, client.last_seen, &*client.last_ip),
        (101, 901, "192.0.2.1")
    );
    assert_eq!((client.event_table_version, client.labels_changed), (55, 7000));
    assert_eq!(client.metadata["Owner"], "Jana");
    assert_eq!(
        (&*client.facts.hostname, &*client.facts.release),
        ("ÄRGER-1", "debian 12")
    );
    for (filter, found) in [
        (by(TermKind::Name, "ärger-2"), 1),
        (by(TermKind::Name, "*rger-2"), 1),
        (by(TermKind::Name, "AERGER1.example"), 1),
        (by(TermKind::Label, "STRASSE"), 0),
        (by(TermKind::Label, "straße"), 2),
        (by(TermKind::Label, "*aße"), 2),
        (ClientFilter::NoLabels, 0),
        (by(TermKind::Address, "FE80::"), 2),
        (by(TermKind::Address, "192.0.2.1"), 1),
        (by(TermKind::Address, "*.2.1"), 1),
        (by(TermKind::MacAddress, "aa:00:00:00:00:01"), 1),
        (by(TermKind::MacAddress, "*:01"), 1),
        (
            ClientFilter::Metadata("Owner".into(), TermPattern::prefix("jana")),
            1,
        ),
    ] {
        let query = ClientQuery {
            filter: filter.clone(),
            limit: 9,
            ..Default::default()
        };
        assert_eq!(db.clients(query).await.unwrap().total, found, "{filter:?}");
    }

    let flow = db.flow(&CLIENT, &flow_id("F.A")).await.unwrap().unwrap();
    assert_eq!(
        (flow.state, flow.rows, flow.logs, flow.uploaded_files),
        (FlowState::Error, 4, 1, 2)
    );
    assert_eq!(
        (flow.delivered, flow.started, flow.duration_ns),
        (Some(2000), Some(2100), 77)
    );
    let found = FlowQuery {
        search: Some("GENERIC.client".into()),
        limit: 9,
        ..Default::default()
    };
    assert_eq!(db.flows(found).await.unwrap().total, 2);
    let uploads = db.uploads(&CLIENT, &flow_id("F.A")).await.unwrap();
    let names: Vec<&str> = uploads.iter().map(|upload| &*upload.vfs_path).collect();
    assert_eq!(names, ["/a", "/z"], "numbers are addresses, and stay");
    let poll = Poll {
        server_id: "S.one".into(),
        claim: Claim {
            session: 1,
            timestamp: 1,
        },
        now: 5000,
        max_in_flight: 9,
        silent_since: None,
    };
    let Polled::Work(work) = db.take_work(&CLIENT, poll).await.unwrap() else {
        panic!("no work")
    };
    assert_eq!(work.tasks, [], "one that belongs to no collection is gone");

    // The missing rows arrive, and the collection is complete except for what never arrived.
    let rows = Effect::Rows {
        flow_id: flow_id("F.A"),
        source: "Generic.Client.Info/Basic".into(),
        start_row: Some(2),
        chunk: chunk::Chunk::pack(b"{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n{\"n\":5}\n").unwrap(),
    };
    let outcomes = db.apply(&CLIENT, 6000, Arc::new([rows])).await.unwrap();
    assert!(
        matches!(outcomes[..], [Outcome::Appended { total: 6, .. }]),
        "{outcomes:?}"
    );
    let flow = db.flow(&CLIENT, &flow_id("F.A")).await.unwrap().unwrap();
    assert_eq!(
        flow.status.as_deref(),
        Some("incomplete, the agent sent but the server lacks: the end of file `/open`, a row too large")
    );
    let sets = db.result_sets(&CLIENT, &flow_id("F.A")).await.unwrap();
    let chunks = db.read_chunks(sets[0].id, 0, 1 << 20).await.unwrap();
    let text: Vec<u8> = chunks
        .iter()
        .flat_map(|chunk| chunk.chunk.unpack().unwrap())
        .collect();
    assert_eq!(lines(&text).count(), 6);
    let events = db.event_sets(&CLIENT).await.unwrap();
    assert_eq!(
        (events.len(), events[0].rows(), events[0].span),
        (2, 2, Some((4000, 4000)))
    );
    let again = Effect::Events {
        source: "Linux.Events.X".into(),
        kind: SetKind::Events,
        digest: [1; 16],
        at: 9000,
        chunk: chunk::Chunk::pack(b"{\"n\":0}\n{\"n\":1}\n").unwrap(),
    };
    assert_eq!(
        db.apply(&CLIENT, 9000, Arc::new([again])).await.unwrap(),
        [Outcome::Duplicate]
    );

    assert_eq!(db.user("jANA").await.unwrap().unwrap().roles, ["administrator"]);
    assert_eq!(db.session(b"token", 0).await.unwrap().unwrap().user, "Jana");
    assert_eq!(db.audit_end().await.unwrap(), 2);
    drop((db, store));
    assert_eq!(
        SqlAddress::File(file.clone())
            .open()
            .unwrap()
            .missing_transactions(),
        0
    );
}

#[tokio::test]
async fn what_was_cancelled_before_there_was_such_a_state_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = schema_3(folder.path());
    let raw = rusqlite::Connection::open(&file).unwrap();
    raw.execute_batch(
        "INSERT INTO flows (client_id, flow_id, state, status, creator, created, artifacts, urgent, request, reported_state)
         VALUES ('C.1', 'F.STOPPED', 3, 'Cancelled by jana: slow', 'jana', 1, '[]', 0, '{}', NULL),
                ('C.1', 'F.FAILED', 3, 'the query failed', 'jana', 1, '[]', 0, '{}', 3),
                ('C.1', 'F.LIES', 3, 'Cancelled by the agent', 'jana', 1, '[]', 0, '{}', 3);
         PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(raw);
    let db = SqlAddress::File(file.clone()).open().unwrap().org(&OrgId::root());
    let state = async |id: &str| {
        db.flow(&client_id("C.1"), &flow_id(id))
            .await
            .unwrap()
            .unwrap()
            .state
    };
    assert_eq!(state("F.STOPPED").await, FlowState::Cancelled);
    assert_eq!(state("F.FAILED").await, FlowState::Error);
    assert_eq!(state("F.LIES").await, FlowState::Error);
}
