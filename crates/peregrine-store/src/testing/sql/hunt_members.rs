//! The clients of a hunt, and what became of their collections.

use super::hunts::{client, connect, create, hunt, join, learn};
use super::{flow_id, poll};
use crate::chunk::Chunk;
use crate::*;
use futures_util::future::join_all;
use std::collections::HashMap;
use std::sync::Arc;

fn query(id: &HuntId) -> MemberQuery {
    MemberQuery {
        hunt_id: id.clone(),
        client_id: None,
        search: None,
        state: None,
        silent_since: 200,
        sort: MemberSort::default(),
        descending: false,
        offset: 0,
        limit: 99,
    }
}

fn progress(flow: &FlowId, end: Option<(FlowState, Option<String>)>) -> Effect {
    Effect::Progress {
        flow_id: flow.clone(),
        progress: Progress {
            end,
            duration_ns: 9,
            ..Default::default()
        },
    }
}

fn rows(flow: &FlowId, source: &str, count: u64) -> Effect {
    let text: String = (0..count).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    Effect::Rows {
        flow_id: flow.clone(),
        source: source.into(),
        start_row: Some(0),
        chunk: Chunk::pack(text.as_bytes()).unwrap(),
    }
}

/// A hunt with a client in each state: waiting, taken but silent, in progress, finished, failed, cancelled, deleted.
async fn with_all_states(db: &impl Database) -> (HuntId, Vec<ClientId>) {
    let clients = connect(db, 7).await;
    let id = create(db, hunt("H.A", HuntState::Running)).await;
    join(db, &id, &clients).await;
    let flow = id.flow_id();
    for client in &clients {
        learn(db, client, "linux", &[]).await;
    }
    for client in &clients[1..5] {
        db.take_work(client, poll(100)).await.unwrap();
    }
    let apply = async |number: usize, at, effects: Vec<Effect>| {
        db.apply(&clients[number], at, effects.into()).await.unwrap();
    };
    apply(2, 300, vec![progress(&flow, None)]).await;
    apply(
        3,
        300,
        vec![
            rows(&flow, "A/S", 3),
            progress(&flow, Some((FlowState::Finished, None))),
        ],
    )
    .await;
    let failed = Some((FlowState::Error, Some("boom".into())));
    apply(
        4,
        300,
        vec![
            rows(&flow, "A/S", 2),
            rows(&flow, "A/T", 1),
            progress(&flow, failed),
        ],
    )
    .await;
    let stop = Task {
        flow_id: flow.clone(),
        is_flow_request: false,
        urgent: true,
        message: b"stop".to_vec(),
    };
    assert!(
        db.cancel_flow(&clients[5], &flow, "Cancelled by x", stop, 300)
            .await
            .unwrap()
    );
    db.delete_flow(&clients[6], &flow).await.unwrap();
    (id, clients)
}

pub(super) async fn list_their_clients(db: &impl Database) {
    let (id, clients) = with_all_states(db).await;
    let list = async |query| db.hunt_members(query).await.unwrap();
    let all = list(query(&id)).await;
    assert_eq!(all.total, 7);
    let found: Vec<_> = all.items.iter().map(|member| member.client_id.clone()).collect();
    assert_eq!(found, clients);
    let failed = &all.items[4];
    assert_eq!(
        (&*failed.hostname, failed.is_online, failed.joined),
        ("Host-C.0000000000000004", true, 30)
    );
    let flow = failed.flow.as_ref().unwrap();
    assert_eq!(
        (flow.state, flow.status.as_deref(), flow.rows),
        (FlowState::Error, Some("boom"), 3)
    );
    assert_eq!(all.items[6].flow, None, "deleted");
    for (number, state) in [
        MemberState::Waiting,
        MemberState::Unresponsive,
        MemberState::InProgress,
        MemberState::Finished,
        MemberState::Error,
        MemberState::Cancelled,
        MemberState::Deleted,
    ]
    .into_iter()
    .enumerate()
    {
        let of_state = MemberQuery {
            state: Some(state),
            ..query(&id)
        };
        let found = list(of_state).await;
        assert_eq!(
            (found.total, &found.items[0].client_id),
            (1, &clients[number]),
            "{state:?}"
        );
    }
    let just_taken = MemberQuery {
        state: Some(MemberState::Waiting),
        silent_since: 100,
        ..query(&id)
    };
    assert_eq!(list(just_taken).await.total, 2, "there was no time to answer");
    let by_rows = MemberQuery {
        sort: MemberSort::Rows,
        descending: true,
        limit: 2,
        ..query(&id)
    };
    let found = list(by_rows).await;
    assert_eq!(
        (
            found.total,
            found.items.len(),
            found.items[1].flow.as_ref().unwrap().rows
        ),
        (7, 2, 3)
    );
    let by_name = MemberQuery {
        search: Some("hoST-c.0000000000000005".into()),
        ..query(&id)
    };
    assert_eq!(list(by_name).await.total, 1);
    let one = MemberQuery {
        client_id: Some(clients[5].clone()),
        ..query(&id)
    };
    assert_eq!(list(one).await.total, 1);
    assert!(
        join(db, &id, &clients).await.clients.is_empty(),
        "a deleted collection does not come again"
    );

    db.delete_client(&clients[5]).await.unwrap();
    assert_eq!(list(query(&id)).await.total, 6, "a deleted client is gone");
    assert_eq!(
        db.hunts_of_flows(vec![
            (clients[0].clone(), id.flow_id()),
            (clients[5].clone(), id.flow_id())
        ])
        .await
        .unwrap(),
        [id]
    );

    let again = create(db, hunt("H.B", HuntState::Paused)).await;
    db.join_hunt(&again, vec![clients[1].clone()], Admission::ByHand, 70)
        .await
        .unwrap();
    let asked = [clients[0].clone(), clients[1].clone(), client(99)];
    let last = db.last_joined(&asked).await.unwrap();
    assert_eq!(
        last,
        HashMap::from([(clients[0].clone(), 30), (clients[1].clone(), 70)])
    );
}

pub(super) async fn count_what_became_of_them(db: &impl Database) {
    let (id, clients) = with_all_states(db).await;
    assert!(db.count_hunt(&id).await.unwrap());
    let expected = HuntTotals {
        scheduled: 7,
        waiting: 1,
        running: 2,
        finished: 1,
        errors: 1,
        cancelled: 1,
        deleted: 1,
        with_results: 2,
        rows: 6,
        uploaded_files: 0,
        uploaded_bytes: 0,
    };
    assert_eq!(db.hunt(&id).await.unwrap().unwrap().totals, expected);
    let again = rows(&id.flow_id(), "A/S", 3);
    db.apply(&clients[3], 400, Arc::new([again])).await.unwrap();
    db.count_hunt(&id).await.unwrap();
    assert_eq!(
        db.hunt(&id).await.unwrap().unwrap().totals,
        expected,
        "an answer that comes twice counts once"
    );
    // Whoever counts at the same time as another one is told when its count was not stored.
    let counted = join_all((0..8).map(|_| db.count_hunt(&id))).await;
    assert!(counted.into_iter().any(|counted| counted.unwrap()));
    assert_eq!(db.hunt(&id).await.unwrap().unwrap().totals, expected);

    let sources = db.hunt_sources(&id).await.unwrap();
    let found: Vec<_> = sources
        .iter()
        .map(|source| (&*source.name, source.clients, source.rows))
        .collect();
    assert_eq!(found, [("A/S", 2, 5), ("A/T", 1, 1)]);
    let sets = db.hunt_sets(&id, "A/S").await.unwrap();
    let found: Vec<_> = sets.iter().map(|set| (&set.client_id, set.end_row)).collect();
    assert_eq!(found, [(&clients[3], 3), (&clients[4], 2)]);
    let ids: Vec<SetId> = sets.iter().map(|set| set.set).collect();
    let read = async |from_row, max_bytes| {
        let chunks = db.read_sets(ids.clone(), from_row, max_bytes).await.unwrap();
        chunks
            .into_iter()
            .map(|(set, chunk)| (set, chunk.chunk.rows))
            .collect::<Vec<_>>()
    };
    assert_eq!(read(0, 1 << 20).await, [(ids[0], 3), (ids[1], 2)]);
    assert_eq!(read(0, 1).await, [(ids[0], 3)], "at least one");
    assert_eq!(read(3, 1 << 20).await, [(ids[1], 2)], "only of the first");
    let names = db.client_names(clients.clone()).await.unwrap();
    assert_eq!(names[&clients[3]], "Host-C.0000000000000003");
}

pub(super) async fn take_other_collections(db: &impl Database) {
    let clients = connect(db, 2).await;
    let (one, two) = (&clients[0], &clients[1]);
    let id = create(db, hunt("H.A", HuntState::Running)).await;
    join(db, &id, std::slice::from_ref(one)).await;
    let own = async |client: &ClientId, id: &str| {
        let flow = Flow {
            state: FlowState::Finished,
            ..Flow::new(client.clone(), flow_id(id))
        };
        db.create_flow(flow, Vec::new()).await.unwrap();
        flow_id(id)
    };
    let current = async |client: &ClientId| {
        let query = MemberQuery {
            client_id: Some(client.clone()),
            ..query(&id)
        };
        db.hunt_members(query)
            .await
            .unwrap()
            .items
            .pop()
            .map(|member| member.flow_id)
    };
    let attach =
        async |client: &ClientId, flow: &FlowId| db.attach_flow(&id, client, flow, 40).await.unwrap();
    let (of_one, of_two) = (own(one, "F.1").await, own(two, "F.2").await);
    assert!(
        db.attach_flow(&id, two, &of_one, 40).await.is_err(),
        "it is another client's"
    );
    assert_eq!(attach(two, &of_two).await, Attached::Done);
    assert_eq!(attach(two, &of_two).await, Attached::Already);
    assert_eq!(current(two).await, Some(of_two.clone()));
    assert!(join(db, &id, &clients).await.clients.is_empty(), "it has joined");
    assert_eq!(db.hunt(&id).await.unwrap().unwrap().joined, 2);
    assert_eq!(
        db.hunts_of_flows(vec![(two.clone(), of_two.clone())])
            .await
            .unwrap(),
        [id.as_str()]
    );
    assert_eq!(attach(one, &of_one).await, Attached::StillRuns);

    let relaunched = |client: &ClientId, id: &HuntId| Flow {
        hunt_id: Some(id.clone()),
        ..Flow::new(client.clone(), flow_id("F.AGAIN"))
    };
    let task = Task {
        flow_id: flow_id("F.AGAIN"),
        is_flow_request: true,
        urgent: false,
        message: b"again".to_vec(),
    };
    let relaunch = async |client: &ClientId| {
        db.relaunch_in_hunt(&id, relaunched(client, &id), task.clone())
            .await
    };
    assert!(!relaunch(one).await.unwrap(), "its first one still runs");
    let end = progress(&id.flow_id(), Some((FlowState::Error, None)));
    db.apply(one, 50, Arc::new([end])).await.unwrap();
    assert!(relaunch(one).await.unwrap());
    assert_eq!(current(one).await, Some(flow_id("F.AGAIN")));
    assert!(relaunch(&client(9)).await.is_err(), "it takes no part");

    let page = db.flows_of_hunt(&id, None, 99).await.unwrap();
    assert_eq!(page.clients, clients);
    let started: Vec<_> = page
        .flows
        .iter()
        .map(|flow| (flow.flow_id.as_str(), flow.is_running))
        .collect();
    assert_eq!(
        started,
        [("F.A.H", false), ("F.AGAIN", true)],
        "not what was attached"
    );
    let rest = db.flows_of_hunt(&id, Some(one.clone()), 99).await.unwrap();
    assert_eq!((rest.clients.len(), rest.flows.len()), (1, 0));
}

pub(super) async fn are_found_and_deleted(db: &impl Database) {
    let clients = connect(db, 3).await;
    let id = create(db, hunt("H.A", HuntState::Running)).await;
    create(db, hunt("H.B", HuntState::Archived)).await;
    let list = async |search: Option<&str>, states: &[HuntState]| {
        let query = HuntQuery {
            search: search.map(str::to_owned),
            states: states.to_vec(),
            descending: true,
            limit: 9,
            ..Default::default()
        };
        let page = db.hunts(query).await.unwrap();
        page.items
            .into_iter()
            .map(|hunt| hunt.hunt_id.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(list(None, &[]).await, ["H.B", "H.A"]);
    assert_eq!(
        list(Some("äRGER"), &[HuntState::Running, HuntState::Paused]).await,
        ["H.A"]
    );
    let named = HuntChange {
        description: Some("other".into()),
        tags: Some(vec!["Blue".into()]),
        expires: Some(77),
        ..Default::default()
    };
    let changed = db.change_hunt(&id, named, 40).await.unwrap();
    assert_eq!(
        (&*changed.description, &*changed.tags, changed.expires),
        ("other", &["Blue".to_owned()][..], 77)
    );
    assert_eq!(changed.state, HuntState::Running);
    assert_eq!(list(Some("blue"), &[]).await, ["H.A"]);
    assert_eq!(list(Some("ärger"), &[]).await, ["H.B"]);

    let change = HuntChange {
        expires: Some(1000),
        ..Default::default()
    };
    db.change_hunt(&id, change, 40).await.unwrap();
    join(db, &id, &clients).await;
    assert!(!db.delete_hunt(&id).await.unwrap(), "it has clients");
    for flow in db.flows_of_hunt(&id, None, 9).await.unwrap().flows {
        db.delete_flow(&flow.client_id, &flow.flow_id).await.unwrap();
    }
    db.drop_hunt_members(&id, clients.clone()).await.unwrap();
    assert!(db.delete_hunt(&id).await.unwrap());
    assert!(!db.delete_hunt(&id).await.unwrap());
    assert_eq!(db.hunt(&id).await.unwrap(), None);
    assert_eq!(db.hunt_payload(&id).await.unwrap(), None);
    assert!(db.count_hunt(&id).await.unwrap(), "nothing is left to count");
    for client in &clients {
        match db.take_work(client, poll(99)).await.unwrap() {
            Polled::Work(work) => assert!(work.tasks.is_empty(), "its tasks are gone"),
            other => panic!("no work but {other:?}"),
        }
    }
}
