//! The suite for every database.

mod events;
mod favorites;
mod flow_ends;
mod hunt_members;
mod hunts;
mod odd_texts;
mod organisations;
mod queries;
mod searches;
mod server_events;
mod servers;
mod users;

use super::{client_id, flow_id};
use crate::chunk::{Chunk, lines};
use crate::*;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::LazyLock;

static CLIENT: LazyLock<ClientId> = LazyLock::new(|| client_id("C.0000000000000001"));
static FLOW: LazyLock<FlowId> = LazyLock::new(|| flow_id("F.A"));

/// Runs the suite on empty databases made by `new`.
pub async fn sql(mut new: impl AsyncFnMut() -> SqlStore) {
    organisations::are_apart(&new().await).await;
    let mut make = async || new().await.org(&OrgId::root());
    odd_texts::come_back(&make().await).await;
    settings_and_audit(&make().await).await;
    users::and_their_sessions(&make().await).await;
    clients(&make().await).await;
    searches::find_what_matches(&make().await).await;
    searches::follow_changes(&make().await).await;
    searches::suggest_terms(&make().await).await;
    favorites::belong_to_a_user(&make().await).await;
    flows_and_tasks(&make().await).await;
    rows_once(&make().await).await;
    events(&make().await).await;
    events::of_an_artifact(&make().await).await;
    events::are_deleted_by_time(&make().await).await;
    events::ends_are_told_once(&make().await).await;
    events::duties_have_one_server(&make().await).await;
    server_events::are_stored_once(&make().await).await;
    flow_ends::once(&make().await).await;
    flow_ends::with_missing_rows(&make().await).await;
    flow_ends::with_missing_files(&make().await).await;
    hunts::are_joined_once(&make().await).await;
    hunts::take_no_more_than_they_may(&make().await).await;
    hunts::are_for_those_who_match(&make().await).await;
    hunts::send_one_message_to_all(&make().await).await;
    hunt_members::list_their_clients(&make().await).await;
    hunt_members::count_what_became_of_them(&make().await).await;
    hunt_members::take_other_collections(&make().await).await;
    hunt_members::are_found_and_deleted(&make().await).await;
    servers::share_clients(&make().await).await;
    servers::lose_no_task(&make().await).await;
    queries::are_listed_while_their_server_lives(&make().await).await;
    concurrent_writes(&make().await).await;
}

async fn settings_and_audit(db: &impl Database) {
    assert_eq!(db.setting("a").await.unwrap(), None);
    db.set_setting("a", "1").await.unwrap();
    db.set_setting("a", "2").await.unwrap();
    assert_eq!(db.setting("a").await.unwrap().as_deref(), Some("2"));
    for (old, new, is_done) in [
        (None, "3", false),
        (Some("1"), "3", false),
        (Some("2"), "3", true),
    ] {
        assert_eq!(
            db.replace_setting("a", old, new).await.unwrap(),
            is_done,
            "{old:?}"
        );
    }
    assert!(db.replace_setting("b", None, "1").await.unwrap());
    assert_eq!(db.setting("a").await.unwrap().as_deref(), Some("3"));
    for number in 0..3 {
        let entry = AuditEntry {
            id: 0,
            time: number,
            principal: "admin".into(),
            operation: "Login".into(),
            detail: "{}".into(),
            ip: "127.0.0.1".into(),
        };
        db.append_audit(entry).await.unwrap();
    }
    let range = async |start, end| db.audit_range(start, end).await.unwrap();
    assert_eq!(range(None, None).await, (0, 3));
    assert_eq!(range(Some(1), Some(2)).await, (1, 2));
    assert_eq!(
        range(Some(2), Some(1)).await,
        (2, 1),
        "a time that ends before it begins"
    );
    assert_eq!(range(Some(3), None).await, (3, 3));
    let first = db.read_audit(0, 2).await.unwrap();
    let rest = db.read_audit(first[1].id, 9).await.unwrap();
    assert_eq!((first.len(), rest.len(), rest[0].time), (2, 1, 2));
    assert_eq!((first[0].id, db.audit_end().await.unwrap()), (1, 3));
}

async fn clients(db: &impl Database) {
    for number in 1..=3u32 {
        let id = client_id(format_args!("C.{number:016x}"));
        assert!(db.enrol(&id, "pem", 100).await.unwrap());
        assert!(!db.enrol(&id, "pem2", 200).await.unwrap());
        let facts = ClientFacts {
            hostname: format!("Host{number}_x"),
            os: "linux".into(),
            addresses: vec![format!("10.0.0.{number}")],
            ..Default::default()
        };
        let effect = Effect::Facts {
            facts: Box::new(facts),
            labels: vec!["New".into()],
            flow_id: None,
            at: 5,
        };
        db.apply(&id, 1, Arc::new([effect])).await.unwrap();
    }
    assert_eq!(db.client_key(&CLIENT).await.unwrap().as_deref(), Some("pem2"));
    assert_eq!(db.client_key(&client_id("C.ffff")).await.unwrap(), None);

    let more = ClientFacts {
        release: "debian".into(),
        ..Default::default()
    };
    let effect = Effect::Facts {
        facts: Box::new(more),
        labels: vec![],
        flow_id: Some(FLOW.clone()),
        at: 6,
    };
    db.apply(&CLIENT, 1, Arc::new([effect])).await.unwrap();
    let touch = |at, ip: &str| Touch {
        client_id: CLIENT.clone(),
        at,
        ip: ip.into(),
        contact: Contact::Pauses,
    };
    servers::join(db, "S.one").await;
    db.touch("S.one", vec![touch(300, "127.0.0.1"), touch(250, "")])
        .await
        .unwrap();
    let client = db
        .set_labels(&CLIENT, &[" Blue ".into(), "blue".into()], &["NEW".into()], 77)
        .await
        .unwrap();
    assert_eq!(client.labels, ["Blue"]);
    assert_eq!(
        (client.labels_changed, client.last_seen, &*client.last_ip),
        (77, 300, "127.0.0.1")
    );
    assert_eq!(
        (&*client.facts.hostname, &*client.facts.release),
        ("Host1_x", "debian"),
        "facts merge"
    );
    assert_eq!(client.last_interrogate_flow_id.as_ref(), Some(&*FLOW));

    let found = async |filter: ClientFilter| -> Vec<String> {
        let query = ClientQuery {
            filter,
            limit: 10,
            ..Default::default()
        };
        db.clients(query)
            .await
            .unwrap()
            .items
            .into_iter()
            .map(|client| client.facts.hostname)
            .collect()
    };
    assert_eq!(found(ClientFilter::All).await.len(), 3);
    let by = |kind, text: &str| found(ClientFilter::Term(vec![kind], TermPattern::glob(text).unwrap()));
    assert_eq!(by(TermKind::Name, "host1_").await, ["Host1_x"]);
    assert_eq!(by(TermKind::Name, "h*3_x").await, ["Host3_x"]);
    assert!(by(TermKind::Name, "%").await.is_empty(), "no wildcard but `*`");
    assert_eq!(by(TermKind::Label, "BLU").await, ["Host1_x"]);
    assert_eq!(by(TermKind::Address, "10.0.0.2").await, ["Host2_x"]);
    assert_eq!(
        by(TermKind::Address, "127.").await,
        ["Host1_x"],
        "of the last request"
    );
    let id = ClientFilter::Id(TermPattern::glob("C.*2").unwrap());
    assert_eq!(found(id).await, ["Host2_x"]);
    assert!(found(ClientFilter::NoLabels).await.is_empty());
    let query = ClientQuery {
        online: Some(false),
        descending: true,
        offset: 1,
        limit: 1,
        ..Default::default()
    };
    let page = db.clients(query).await.unwrap();
    assert_eq!((page.total, &*page.items[0].facts.hostname), (2, "Host2_x"));

    let client = db
        .set_metadata(
            &CLIENT,
            &[("Site".into(), Some("Berlin".into())), ("b".into(), None)],
        )
        .await
        .unwrap();
    assert_eq!(client.metadata.len(), 1);
    let at = |key: &str, value: &str| found(ClientFilter::Metadata(key.into(), TermPattern::prefix(value)));
    assert_eq!(at("Site", "berlin").await, ["Host1_x"]);
    assert!(at("site", "berlin").await.is_empty(), "keys are compared exactly");
    db.delete_client(&CLIENT).await.unwrap();
    assert_eq!(db.client(&CLIENT).await.unwrap(), None);
    assert_eq!(db.client_key(&CLIENT).await.unwrap(), None);
}

fn flow(id: impl Display) -> Flow {
    Flow {
        creator: "admin".into(),
        created: 1000,
        artifacts: vec!["Generic.Client.Info".into()],
        ..Flow::new(CLIENT.clone(), flow_id(id))
    }
}

fn task(id: impl Display, urgent: bool) -> Task {
    let message = id.to_string().into_bytes();
    Task {
        flow_id: flow_id(id),
        is_flow_request: true,
        urgent,
        message,
    }
}

/// A client's request for work, at the only server.
fn poll(now: Micros) -> Poll {
    Poll {
        server_id: "S.one".into(),
        claim: Claim {
            session: 1,
            timestamp: 1,
        },
        now,
        max_in_flight: 9,
        silent_since: None,
    }
}

async fn work(db: &impl Database, poll: Poll) -> Work {
    match db.take_work(&CLIENT, poll).await.unwrap() {
        Polled::Work(work) => *work,
        other => panic!("no work but {other:?}"),
    }
}

async fn flows_and_tasks(db: &impl Database) {
    let work = async |now, max_in_flight, silent_since| {
        let poll = Poll {
            max_in_flight,
            silent_since,
            ..poll(now)
        };
        work(db, poll).await
    };
    let nobody = db.take_work(&CLIENT, poll(1)).await.unwrap();
    assert_eq!(nobody, Polled::Unknown);
    db.enrol(&CLIENT, "pem", 1).await.unwrap();
    let nothing = work(2, 9, Some(1)).await;
    assert_eq!((&nothing.client.client_id, nothing.tasks.len()), (&*CLIENT, 0));
    for id in ["F.1", "F.2", "F.3"] {
        db.create_flow(flow(id), vec![task(id, false)]).await.unwrap();
    }
    assert!(
        db.create_flow(flow("F.1"), vec![]).await.is_err(),
        "ids are unique"
    );
    db.create_flow(flow("F.4"), vec![task("F.4", true)])
        .await
        .unwrap();
    let taken: Vec<Vec<u8>> = work(50, 2, None)
        .await
        .tasks
        .into_iter()
        .map(|task| task.message)
        .collect();
    assert_eq!(
        taken,
        [b"F.1", b"F.2", b"F.4"],
        "in order; what is urgent passes the limit"
    );
    let asked = [client_id("C.nobody"), CLIENT.clone()];
    let in_flight = db.in_flight(&asked).await.unwrap();
    assert!(in_flight[0].is_empty());
    assert_eq!(in_flight[1], ["F.1", "F.2", "F.4"]);
    assert!(work(51, 2, None).await.tasks.is_empty(), "taken once");
    assert_eq!(
        db.flow(&CLIENT, &flow_id("F.1"))
            .await
            .unwrap()
            .unwrap()
            .delivered,
        Some(50)
    );

    assert!(work(100, 2, Some(49)).await.silent.is_empty(), "too early");
    assert_eq!(work(100, 2, Some(60)).await.silent.len(), 3);
    assert!(work(101, 2, Some(99)).await.silent.is_empty(), "asked already");

    let cancel = |id: &str| Task {
        flow_id: flow_id(id),
        is_flow_request: false,
        urgent: true,
        message: b"stop".to_vec(),
    };
    assert!(
        db.cancel_flow(&CLIENT, &flow_id("F.1"), "Cancelled by x", cancel("F.1"), 70)
            .await
            .unwrap()
    );
    assert!(
        !db.cancel_flow(&CLIENT, &flow_id("F.1"), "again", cancel("F.1"), 71)
            .await
            .unwrap()
    );
    assert!(
        db.cancel_flow(&CLIENT, &flow_id("F.3"), "Cancelled by x", cancel("F.3"), 72)
            .await
            .unwrap()
    );
    let taken = work(80, 9, None).await.tasks;
    assert_eq!(
        taken.len(),
        1,
        "the agent never saw F.3, so only F.1 needs a message"
    );
    let first = db.flow(&CLIENT, &flow_id("F.1")).await.unwrap().unwrap();
    assert_eq!(
        (first.state, first.status.as_deref()),
        (FlowState::Cancelled, Some("Cancelled by x"))
    );
    let late = Progress {
        end: Some((FlowState::Error, Some("Cancelled".into()))),
        ..Default::default()
    };
    let late = Effect::Progress {
        flow_id: flow_id("F.1"),
        progress: late,
    };
    db.apply(&CLIENT, 90, Arc::new([late])).await.unwrap();
    let first = db.flow(&CLIENT, &flow_id("F.1")).await.unwrap().unwrap();
    assert_eq!(
        (first.state, first.status.as_deref()),
        (FlowState::Cancelled, Some("Cancelled by x")),
        "the agent's report of its end comes later and changes nothing"
    );

    let query = FlowQuery {
        client_id: Some(CLIENT.clone()),
        descending: true,
        limit: 2,
        ..Default::default()
    };
    let page = db.flows(query.clone()).await.unwrap();
    assert_eq!((page.total, page.items[0].flow_id.as_str()), (4, "F.4"));
    let page = db
        .flows(FlowQuery {
            search: Some("client.INFO".into()),
            ..query.clone()
        })
        .await
        .unwrap();
    assert_eq!(page.total, 4);
    for (state, count) in [
        (FlowState::Error, 0),
        (FlowState::Cancelled, 2),
        (FlowState::Running, 2),
    ] {
        let state = Some(state);
        let query = FlowQuery {
            state,
            ..query.clone()
        };
        let page = db.flows(query).await.unwrap();
        assert_eq!(page.total, count, "{state:?}");
    }
    db.delete_flow(&CLIENT, &flow_id("F.1")).await.unwrap();
    assert!(db.flow(&CLIENT, &flow_id("F.1")).await.unwrap().is_none());
    assert!(db.delete_flow(&CLIENT, &flow_id("F.1")).await.is_err());
}

fn numbered(from: u64, count: u64) -> Chunk {
    let text: String = (from..from + count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    Chunk::pack(text.as_bytes()).unwrap()
}

fn rows(start_row: Option<u64>, from: u64, count: u64) -> Effect {
    Effect::Rows {
        flow_id: FLOW.clone(),
        source: "A/S".into(),
        start_row,
        chunk: numbered(from, count),
    }
}

async fn all_rows(db: &impl Database, set: SetId, from: u64) -> Vec<String> {
    let mut found = Vec::new();
    for stored in db.read_chunks(set, from, usize::MAX).await.unwrap() {
        let text = stored.chunk.unpack().unwrap();
        let skip = from.saturating_sub(stored.first_row) as usize;
        found.extend(
            lines(&text)
                .skip(skip)
                .map(|line| String::from_utf8(line.to_vec()).unwrap()),
        );
    }
    found
}

/// How many rows a set has since these were appended.
fn total(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Appended { total, .. } => Some(*total),
        _ => None,
    }
}

async fn rows_once(db: &impl Database) {
    db.create_flow(flow(&*FLOW), vec![]).await.unwrap();
    let apply = async |effect: Effect| db.apply(&CLIENT, 9, Arc::new([effect])).await.unwrap().remove(0);
    assert_eq!(total(&apply(rows(Some(0), 0, 10)).await), Some(10));
    assert_eq!(
        apply(rows(Some(0), 0, 10)).await,
        Outcome::Duplicate,
        "the packet came twice"
    );
    assert_eq!(
        total(&apply(rows(Some(5), 5, 10)).await),
        Some(15),
        "cut to what is new"
    );
    assert_eq!(
        total(&apply(rows(None, 15, 1)).await),
        Some(16),
        "old agents give no number"
    );
    assert_eq!(total(&apply(rows(Some(16), 16, 4)).await), Some(20));
    let logs = Effect::Logs {
        flow_id: FLOW.clone(),
        start_row: Some(0),
        chunk: numbered(0, 3),
    };
    assert_eq!(total(&apply(logs.clone()).await), Some(3));
    assert_eq!(apply(logs).await, Outcome::Duplicate);
    let stray = Effect::Logs {
        flow_id: flow_id("F.UNKNOWN"),
        start_row: None,
        chunk: numbered(0, 3),
    };
    assert_eq!(apply(stray).await, Outcome::UnknownFlow);

    let stored = db.flow(&CLIENT, &FLOW).await.unwrap().unwrap();
    assert_eq!((stored.rows, stored.logs, stored.heard), (20, 3, Some(9)));
    let sets = db.result_sets(&CLIENT, &FLOW).await.unwrap();
    assert_eq!(
        (sets.len(), &*sets[0].name, sets[0].rows(), sets[1].kind),
        (2, "A/S", 20, SetKind::Logs)
    );
    let flows = [flow_id("F.NONE"), FLOW.clone()].map(|flow| (CLIENT.clone(), flow));
    let of_each = db.result_sets_of(&flows).await.unwrap();
    assert_eq!(of_each, [Vec::new(), sets.clone()]);
    assert_eq!(db.these_flows(&flows).await.unwrap(), [stored]);
    for (client_id, flow_id) in &flows {
        let is_there = db.has_flow(client_id, flow_id).await.unwrap();
        assert_eq!(is_there, *flow_id == *FLOW, "{flow_id}");
    }
    let expected: Vec<String> = (7..20).map(|n| format!("{{\"n\":{n}}}")).collect();
    assert_eq!(all_rows(db, sets[0].id, 7).await, expected);
    assert!(all_rows(db, sets[0].id, 20).await.is_empty());
    assert_eq!(
        db.read_chunks(sets[0].id, 0, 1).await.unwrap().len(),
        1,
        "at least one chunk"
    );

    let upload = Upload {
        object: "o".into(),
        vfs_path: "/etc/passwd".into(),
        accessor: "file".into(),
        components: vec!["etc".into(), "passwd".into()],
        file_size: 7,
        uploaded_size: 7,
        index: String::new(),
        finished: 1,
    };
    for _ in 0..2 {
        apply(Effect::Upload {
            flow_id: FLOW.clone(),
            upload: upload.clone(),
        })
        .await;
    }
    assert_eq!(db.uploads(&CLIENT, &FLOW).await.unwrap(), [upload]);
    let stored = db.flow(&CLIENT, &FLOW).await.unwrap().unwrap();
    assert_eq!(
        (stored.uploaded_files, stored.uploaded_bytes),
        (1, 7),
        "counted once"
    );
    assert_eq!(
        db.counts().await.unwrap(),
        Counts {
            clients: 0,
            flows_running: 1,
            rows: 23,
            online: 0
        }
    );
}

async fn events(db: &impl Database) {
    db.enrol(&CLIENT, "pem", 1).await.unwrap();
    let event = |digest: u8, at: Micros, from: u64| Effect::Events {
        source: "E/S".into(),
        kind: SetKind::Events,
        digest: [digest; 16],
        at,
        chunk: numbered(from, 2),
    };
    let effects = vec![
        event(1, 100, 0),
        event(1, 150, 0),
        event(2, 200, 2),
        event(3, 190, 4),
    ];
    let outcomes = db.apply(&CLIENT, 1, effects.into()).await.unwrap();
    assert_eq!(outcomes[1], Outcome::Duplicate);
    let set = db.event_sets(&CLIENT).await.unwrap().remove(0);
    assert_eq!(
        (&*set.name, set.rows(), set.span),
        ("E/S", 6, Some((100, 200))),
        "time never goes back"
    );
    let range = async |start, end| db.row_range(set.id, start, end).await.unwrap();
    assert_eq!(range(None, None).await, (0, 6));
    assert_eq!(range(Some(101), None).await, (2, 6));
    assert_eq!(range(None, Some(200)).await, (0, 2));
    assert_eq!(range(Some(201), Some(300)).await, (6, 6));
    delete_events_before(db, 150).await;
    assert_eq!(range(None, None).await, (2, 6));
    let set = db.event_sets(&CLIENT).await.unwrap().remove(0);
    assert_eq!((set.first_row, set.rows(), set.span), (2, 4, Some((200, 200))));
    assert_eq!(all_rows(db, set.id, 0).await.len(), 4);
}

/// As a server deletes events that are too old.
pub async fn delete_events_before(db: &impl Database, before: Micros) {
    let mut after = Some(SetId::default());
    while let Some(set) = after {
        after = db.delete_events_before(before, set).await.unwrap();
    }
}

async fn concurrent_writes(db: &impl Database) {
    let ids: Vec<ClientId> = (0..100).map(|n| client_id(format_args!("C.{n:016x}"))).collect();
    // Polled together, so that an implementation that groups commits has several to group.
    let mut running: Vec<_> = ids.iter().map(|id| db.enrol(id, "pem", 1)).collect();
    for write in &mut running {
        assert!(write.await.unwrap());
    }
    assert_eq!(db.counts().await.unwrap().clients, 100);
}
