//! Hunts: who joins, and what is delivered.

use super::super::running_hunt;
use super::servers::{ONE, TWO, join as join_servers};
use super::{client_id, poll};
use crate::*;
use futures_util::future::join_all;
use std::sync::Arc;

fn hunt_id(id: &str) -> HuntId {
    id.parse().unwrap()
}

pub(super) fn hunt(id: &str, state: HuntState) -> Hunt {
    Hunt {
        state,
        ..running_hunt(id)
    }
}

pub(super) async fn create(db: &impl Database, hunt: Hunt) -> HuntId {
    let id = hunt.hunt_id.clone();
    let payload = HuntPayload {
        task: format!("message of {id}").into_bytes(),
        sealed: Some(b"sealed".to_vec()),
    };
    db.create_hunt(hunt, payload).await.unwrap();
    id
}

pub(super) fn client(number: usize) -> ClientId {
    client_id(format_args!("C.{number:016x}"))
}

/// Enrols clients that are connected to the first server.
pub(super) async fn connect(db: &impl Database, count: usize) -> Vec<ClientId> {
    join_servers(db, ONE).await;
    let clients: Vec<ClientId> = (0..count).map(client).collect();
    for client in &clients {
        db.enrol(client, "pem", 1).await.unwrap();
    }
    let touch = |client_id: &ClientId| Touch {
        client_id: client_id.clone(),
        at: 5,
        ip: String::new(),
        contact: Contact::Pauses,
    };
    db.touch(ONE, clients.iter().map(touch).collect()).await.unwrap();
    clients
}

pub(super) async fn learn(db: &impl Database, client: &ClientId, os: &str, labels: &[&str]) {
    let facts = ClientFacts {
        hostname: format!("Host-{client}"),
        os: os.into(),
        ..Default::default()
    };
    let effect = Effect::Facts {
        facts: Box::new(facts),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        flow_id: None,
        at: 5,
    };
    db.apply(client, 5, Arc::new([effect])).await.unwrap();
}

pub(super) async fn join(db: &impl Database, hunt: &HuntId, clients: &[ClientId]) -> Joined {
    db.join_hunt(hunt, clients.to_vec(), Admission::ByCondition, 30)
        .await
        .unwrap()
}

pub(super) async fn are_joined_once(db: &impl Database) {
    let clients = connect(db, 60).await;
    let id = create(db, hunt("H.A", HuntState::Running)).await;
    assert!(
        db.create_hunt(
            hunt("H.A", HuntState::Paused),
            db.hunt_payload(&id).await.unwrap().unwrap()
        )
        .await
        .is_err()
    );
    // Several at once, each of them for clients that others name, too.
    let attempts = (0..8).map(|start| {
        let some = clients.iter().skip(start * 5).take(25).cloned().collect();
        db.join_hunt(&id, some, Admission::ByCondition, 30)
    });
    let mut joined = Vec::new();
    for attempt in join_all(attempts).await {
        joined.extend(attempt.unwrap().clients);
    }
    joined.sort();
    assert_eq!(joined, clients, "every client once, whoever lets it join");
    assert!(join(db, &id, &clients).await.clients.is_empty());
    let flows = FlowQuery {
        limit: 99,
        ..Default::default()
    };
    let flows = db.flows(flows).await.unwrap();
    assert_eq!(flows.total, 60);
    assert!(
        flows
            .items
            .iter()
            .all(|flow| flow.flow_id == "F.A.H" && flow.creator == "Ann")
    );
    assert_eq!(
        flows.items[0].request, r#"{"artifacts":[{"artifact":"A"}]}"#,
        "that of the hunt"
    );
    let unknown = [client(77)];
    assert!(join(db, &id, &unknown).await.clients.is_empty(), "nobody");
    assert_eq!(db.hunt(&id).await.unwrap().unwrap().joined, 60);
    assert!(
        db.join_hunt(&hunt_id("H.NONE"), clients, Admission::ByHand, 30)
            .await
            .is_err()
    );
}

pub(super) async fn take_no_more_than_they_may(db: &impl Database) {
    let clients = connect(db, 20).await;
    let limited = Hunt {
        client_limit: 7,
        ..hunt("H.A", HuntState::Running)
    };
    let id = create(db, limited).await;
    assert_eq!(join(db, &id, &clients[..4]).await.state, HuntState::Running);
    let joined = join(db, &id, &clients).await;
    assert_eq!((joined.clients.len(), joined.state), (3, HuntState::Stopped));
    assert!(join(db, &id, &clients).await.clients.is_empty());
    let stored = db.hunt(&id).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.joined), (HuntState::Stopped, 7));
    assert!(stored.stop_reason.unwrap().contains("as many clients"));
    assert_eq!(db.counts().await.unwrap().flows_running, 7, "what runs goes on");
    let by_hand = db.join_hunt(&id, vec![clients[19].clone()], Admission::ByHand, 40);
    assert_eq!(by_hand.await.unwrap().clients, [clients[19].as_str()]);

    let change = async |change| db.change_hunt(&id, change, 50).await.unwrap();
    let more = HuntChange {
        state: Some(HuntState::Running),
        client_limit: Some(9),
        ..Default::default()
    };
    let started = change(more).await;
    assert_eq!(
        (started.state, started.stop_reason, started.started),
        (HuntState::Running, None, Some(50))
    );
    assert!(started.version > 20_000);
    assert_eq!(join(db, &id, &clients).await.clients.len(), 1);
    let fewer = HuntChange {
        state: Some(HuntState::Running),
        client_limit: Some(3),
        ..Default::default()
    };
    assert_eq!(
        change(fewer).await.state,
        HuntState::Stopped,
        "it has more already"
    );

    let paused = create(db, hunt("H.B", HuntState::Paused)).await;
    assert!(join(db, &paused, &clients).await.clients.is_empty());
    let over = Hunt {
        expires: 30,
        ..hunt("H.C", HuntState::Running)
    };
    let over = create(db, over).await;
    assert!(
        join(db, &over, &clients).await.clients.is_empty(),
        "its time is up"
    );
    let running = db.running_hunts().await.unwrap();
    assert_eq!((running.len(), running[0].expires), (1, 30));
    assert!(!db.expire_hunt(&over, 29).await.unwrap());
    assert!(db.expire_hunt(&over, 30).await.unwrap());
    assert!(!db.expire_hunt(&over, 30).await.unwrap(), "once");
    assert!(db.running_hunts().await.unwrap().is_empty());
}

pub(super) async fn are_for_those_who_match(db: &impl Database) {
    let clients = connect(db, 5).await;
    join_servers(db, TWO).await;
    learn(db, &clients[0], "linux", &["Prod", "Ärger"]).await;
    learn(db, &clients[1], "windows", &["prod"]).await;
    learn(db, &clients[2], "Linux", &["test"]).await;
    learn(db, &clients[3], "linux", &["prod", "fragile"]).await;
    let all = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect();
    let conditions = [
        (HuntCondition::default(), vec![0, 1, 2, 3, 4]),
        (
            HuntCondition {
                os: Some("LINUX".into()),
                ..Default::default()
            },
            vec![0, 2, 3],
        ),
        (
            HuntCondition {
                labels: all(&["PROD", "other"]),
                ..Default::default()
            },
            vec![0, 1, 3],
        ),
        (
            HuntCondition {
                labels: all(&["äRGER"]),
                ..Default::default()
            },
            vec![0],
        ),
        (
            HuntCondition {
                excluded_labels: all(&["Fragile", "TEST"]),
                ..Default::default()
            },
            vec![0, 1, 4],
        ),
        (
            HuntCondition {
                os: Some("linux".into()),
                labels: all(&["prod"]),
                excluded_labels: all(&["fragile"]),
            },
            vec![0],
        ),
    ];
    for (number, (condition, expected)) in conditions.into_iter().enumerate() {
        let count = db.count_matching(condition.clone()).await.unwrap();
        assert_eq!(
            (count.clients, count.online),
            (expected.len() as u64, expected.len() as u64),
            "{condition:?}"
        );
        let id = create(
            db,
            Hunt {
                condition: condition.clone(),
                ..hunt(&format!("H.{number}"), HuntState::Running)
            },
        )
        .await;
        let expected: Vec<ClientId> = expected.into_iter().map(client).collect();
        let connected = |server_id: &str, after, limit| Candidates::ConnectedTo {
            server_id: server_id.into(),
            after,
            limit,
        };
        let candidates = async |which| db.hunt_candidates(&id, which).await.unwrap();
        assert_eq!(
            candidates(connected(ONE, None, 99)).await,
            expected,
            "{condition:?}"
        );
        assert!(
            candidates(connected(TWO, None, 99)).await.is_empty(),
            "they are not there"
        );
        let page = candidates(connected(ONE, None, 1)).await;
        assert_eq!(page, expected[..1]);
        assert_eq!(
            candidates(connected(ONE, page.into_iter().next(), 99)).await,
            expected[1..]
        );
        let among = Candidates::Among {
            server_id: ONE.into(),
            clients: clients.clone(),
        };
        let mut found = candidates(among).await;
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(
            join(db, &id, &clients).await.clients,
            expected,
            "it is checked again: {condition:?}"
        );
        assert!(
            candidates(connected(ONE, None, 99)).await.is_empty(),
            "all have joined"
        );
    }
    let id = create(db, hunt("H.LATE", HuntState::Running)).await;
    let stop = HuntChange {
        state: Some(HuntState::Stopped),
        ..Default::default()
    };
    db.change_hunt(&id, stop, 40).await.unwrap();
    assert!(
        join(db, &id, &clients).await.clients.is_empty(),
        "it was stopped after the candidates were found"
    );
}

pub(super) async fn send_one_message_to_all(db: &impl Database) {
    let clients = connect(db, 2).await;
    let id = create(db, hunt("H.A", HuntState::Running)).await;
    join(db, &id, &clients).await;
    let work = async |client: &ClientId, now| match db.take_work(client, poll(now)).await.unwrap() {
        Polled::Work(work) => work.tasks,
        other => panic!("no work but {other:?}"),
    };
    for client in &clients {
        let tasks = work(client, 50).await;
        assert_eq!(tasks.len(), 1);
        assert_eq!(
            (&*tasks[0].message, tasks[0].is_flow_request),
            (&b"message of H.A"[..], true)
        );
        assert_eq!(tasks[0].flow_id, "F.A.H");
        let flow = db.flow(client, &id.flow_id()).await.unwrap().unwrap();
        assert_eq!(flow.delivered, Some(50));
        assert!(work(client, 51).await.is_empty(), "once");
    }
    let unknown = Progress {
        is_unknown: true,
        end: Some((FlowState::Error, Some("never heard of it".into()))),
        ..Default::default()
    };
    let effect = Effect::Progress {
        flow_id: id.flow_id(),
        progress: unknown,
    };
    let outcome = db.apply(&clients[0], 60, Arc::new([effect])).await.unwrap();
    assert_eq!(outcome, [Outcome::QueuedAgain]);
    assert_eq!(work(&clients[0], 70).await[0].message, b"message of H.A", "again");
}
