//! How long a hunt takes in the database: `cargo run --release -p peregrine-store --example hunt [clients] [rows] [postgres://…]`.
//!
//! All clients are connected to one server. They join in pages as the server lets them, take their task, send their rows in one
//! packet, and then the results are listed and read. Uses a SQLite file, or a database that should be empty.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use futures_util::StreamExt;
use peregrine_store::chunk::Chunk;
use peregrine_store::testing::{client_id, running_hunt};
use peregrine_store::*;
use std::sync::Arc;
use std::time::Instant;

/// Clients that join in one transaction.
const PAGE: u64 = 500;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let number = |at: usize, otherwise: u64| {
        std::env::args()
            .nth(at)
            .map_or(otherwise, |text| text.parse().unwrap())
    };
    let (count, rows) = (number(1, 20_000), number(2, 10));
    let folder = tempfile::tempdir().unwrap();
    let store = match std::env::args().nth(3) {
        Some(url) => SqlAddress::from(PostgresSettings::parse(&url).unwrap()).open(),
        None => SqlAddress::File(folder.path().join("hunt.db")).open(),
    };
    let db = Arc::new(store.unwrap().org(&OrgId::root()));
    let clients: Vec<ClientId> = (0..count).map(|n| client_id(format!("C.{n:016x}"))).collect();
    connect(&db, &clients).await;
    let id = create(&db).await;

    let begun = Instant::now();
    let mut after = None;
    loop {
        let which = Candidates::ConnectedTo {
            server_id: "S.one".into(),
            after: after.take(),
            limit: PAGE,
        };
        let page = db.hunt_candidates(&id, which).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.clone());
        db.join_hunt(&id, page, Admission::ByCondition, 2).await.unwrap();
    }
    told("joined", begun);

    let begun = Instant::now();
    let poll = |client: ClientId| {
        let db = db.clone();
        async move {
            let poll = Poll {
                server_id: "S.one".into(),
                claim: Claim {
                    session: 1,
                    timestamp: 1,
                },
                now: 3,
                max_in_flight: 6,
                silent_since: None,
            };
            db.take_work(&client, poll).await.unwrap();
        }
    };
    each(&clients, poll).await;
    told("took their tasks", begun);

    let text: String = (0..rows)
        .map(|n| format!("{{\"Pid\":{n},\"Name\":\"process {n}\",\"Exe\":\"/usr/bin/x\"}}\n"))
        .collect();
    let chunk = Chunk::pack(text.as_bytes()).unwrap();
    let begun = Instant::now();
    let answer = |client: ClientId| {
        let (db, flow_id, chunk) = (db.clone(), id.flow_id(), chunk.clone());
        async move {
            let rows = Effect::Rows {
                flow_id: flow_id.clone(),
                source: "A/S".into(),
                start_row: Some(0),
                chunk,
            };
            let progress = Progress {
                end: Some((FlowState::Finished, None)),
                ..Progress::default()
            };
            let end = Effect::Progress { flow_id, progress };
            db.apply(&client, 4, Arc::new([rows, end])).await.unwrap();
        }
    };
    each(&clients, answer).await;
    told("answered", begun);

    let begun = Instant::now();
    db.count_hunt(&id).await.unwrap();
    told("totals counted", begun);
    let totals = db.hunt(&id).await.unwrap().unwrap().totals;
    assert_eq!((totals.finished, totals.rows), (count, count * rows));

    let begun = Instant::now();
    let sets = db.hunt_sets(&id, "A/S").await.unwrap();
    told("sets listed", begun);

    let begun = Instant::now();
    let ids: Vec<SetId> = sets.iter().map(|set| set.set).collect();
    let mut read = 0;
    while read < ids.len() {
        let chunks = db.read_sets(ids[read..].to_vec(), 0, 512 << 10).await.unwrap();
        read += chunks.len();
    }
    told("all rows read", begun);

    let begun = Instant::now();
    let query = MemberQuery {
        hunt_id: id.clone(),
        client_id: None,
        search: None,
        state: None,
        silent_since: 0,
        sort: MemberSort::Rows,
        descending: true,
        offset: 0,
        limit: 200,
    };
    db.hunt_members(query).await.unwrap();
    told("a page of clients, sorted", begun);
}

fn told(what: &str, begun: Instant) {
    println!("{what}: {:.2} s", begun.elapsed().as_secs_f64());
}

/// Does this for all clients, many at a time.
async fn each<F: Future<Output = ()> + Send + 'static>(clients: &[ClientId], work: impl Fn(ClientId) -> F) {
    let tasks = clients.iter().map(|client| tokio::spawn(work(client.clone())));
    let mut tasks = futures_util::stream::iter(tasks).buffer_unordered(500);
    while let Some(done) = tasks.next().await {
        done.unwrap();
    }
}

async fn connect(db: &OrgDatabase, clients: &[ClientId]) {
    let server = ServerRecord {
        server_id: "S.one".into(),
        host: String::new(),
        started: 1,
        beat: 0,
        is_local: true,
    };
    db.join_servers(server).await.unwrap();
    let shared = Arc::new(db.clone());
    let enrol = |client: ClientId| {
        let db = shared.clone();
        async move {
            db.enrol(&client, "pem", 1).await.unwrap();
        }
    };
    each(clients, enrol).await;
    let touch = |client_id: &ClientId| Touch {
        client_id: client_id.clone(),
        at: 1,
        ip: String::new(),
        contact: Contact::Pauses,
    };
    db.touch("S.one", clients.iter().map(touch).collect())
        .await
        .unwrap();
}

async fn create(db: &OrgDatabase) -> HuntId {
    let hunt = running_hunt("H.A");
    let hunt_id = hunt.hunt_id.clone();
    let payload = HuntPayload {
        task: vec![1; 10_000],
        sealed: None,
    };
    db.create_hunt(hunt, payload).await.unwrap();
    hunt_id
}
