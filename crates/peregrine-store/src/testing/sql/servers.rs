//! Several servers on one database: which one an agent is connected to, and what happens to the work of a server that
//! crashes.

use super::{CLIENT, flow, flow_id, poll, task, work};
use crate::*;
use std::sync::Arc;

pub(super) const ONE: &str = "S.one";
pub(super) const TWO: &str = "S.two";

fn claim(session: u64, timestamp: u64) -> Claim {
    Claim { session, timestamp }
}

/// Adds a server to the list.
pub(super) async fn join(db: &impl Database, server_id: &str) {
    let server = ServerRecord {
        server_id: server_id.into(),
        host: "h".into(),
        started: if server_id == ONE { 10 } else { 20 },
        beat: 0,
        is_local: server_id == TWO,
    };
    assert!(db.join_servers(server.clone()).await.unwrap());
    assert!(!db.join_servers(server).await.unwrap(), "it is there");
}

/// Which server holds a connection, and what the other servers learn about it.
pub(super) async fn share_clients(db: &impl Database) {
    db.enrol(&CLIENT, "pem", 1).await.unwrap();
    for server in [ONE, TWO] {
        join(db, server).await;
    }
    let touch = async |server: &str, contact| {
        let touch = Touch {
            client_id: CLIENT.clone(),
            at: 5,
            ip: String::new(),
            contact,
        };
        db.touch(server, vec![touch]).await.unwrap() == [CLIENT.as_str()]
    };
    let is_online = async || {
        let query = |online| ClientQuery {
            online: Some(online),
            limit: 9,
            ..Default::default()
        };
        let found = db.client(&CLIENT).await.unwrap().unwrap().held.is_some();
        assert_eq!(
            db.clients(query(true)).await.unwrap().total,
            u64::from(found),
            "list and client agree"
        );
        assert_eq!(db.clients(query(false)).await.unwrap().total, u64::from(!found));
        assert_eq!(db.counts().await.unwrap().online, u64::from(found));
        found
    };
    let ask = async |server_id: &str, claim| {
        let poll = Poll {
            server_id: server_id.into(),
            claim,
            ..poll(1)
        };
        db.take_work(&CLIENT, poll).await.unwrap()
    };
    let is_served = |polled: Polled| matches!(polled, Polled::Work(_));

    assert!(!is_online().await);
    assert!(touch(ONE, Contact::Waits(claim(7, 100))).await, "it came");
    assert!(is_online().await);
    assert!(!touch(TWO, Contact::Pauses).await);
    assert!(!touch(TWO, Contact::Left).await);
    assert!(is_online().await, "it only sent something there, and waits here");

    assert!(is_served(ask(ONE, claim(7, 100)).await));
    assert!(
        is_served(ask(TWO, claim(7, 101)).await),
        "the same program comes to another server"
    );
    assert_eq!(ask(TWO, claim(8, 101)).await, Polled::Occupied, "a copy of it");
    assert!(!touch(TWO, Contact::Waits(claim(7, 101))).await);
    assert_eq!(
        ask(ONE, claim(7, 100)).await,
        Polled::Superseded,
        "its dead connection takes nothing away from it"
    );
    assert!(!touch(ONE, Contact::Waits(claim(7, 100))).await);
    assert!(!touch(ONE, Contact::Left).await);
    assert!(
        is_online().await,
        "what is late about the old connection changes nothing"
    );
    assert!(is_served(ask(TWO, claim(7, 101)).await));
    assert!(!touch(TWO, Contact::Pauses).await);
    assert!(
        is_served(ask(ONE, claim(9, 1)).await),
        "nobody waits: a program that was started again may come to any server"
    );

    let servers = db.servers().await.unwrap();
    let known: Vec<_> = servers
        .iter()
        .map(|server| (&*server.server_id, server.is_local))
        .collect();
    assert_eq!(known, [(ONE, false), (TWO, true)]);
    let clients = db.clients_of_servers().await.unwrap();
    assert_eq!(clients.get(TWO), Some(&1));
    assert_eq!(clients.get(ONE), None);
    assert!(db.beat(TWO).await.unwrap());
    assert_eq!(db.servers().await.unwrap()[1].beat, servers[1].beat + 1);
    assert_eq!(db.leave_servers(TWO).await.unwrap(), [CLIENT.as_str()]);
    assert!(!is_online().await, "its server is gone");
    assert!(
        !db.beat(TWO).await.unwrap(),
        "it is told that the others gave it up"
    );
    assert!(!touch(TWO, Contact::Pauses).await);
    assert!(!is_online().await, "who is not on the list has no clients");
    assert!(db.leave_servers(TWO).await.unwrap().is_empty());
}

/// A task that was taken from the queue but never arrived is sent again; one that arrived is not.
pub(super) async fn lose_no_task(db: &impl Database) {
    db.enrol(&CLIENT, "pem", 1).await.unwrap();
    for id in ["F.LOST", "F.HEARD"] {
        db.create_flow(flow(id), vec![task(id, false)]).await.unwrap();
    }
    let take = async |now, silent_since| {
        let poll = Poll {
            silent_since,
            ..poll(now)
        };
        let tasks = work(db, poll).await.tasks;
        tasks
            .into_iter()
            .map(|task| String::from_utf8(task.message).unwrap())
            .collect::<Vec<_>>()
    };
    let report = async |id: &str, progress| {
        let effect = Effect::Progress {
            flow_id: flow_id(id),
            progress,
        };
        db.apply(&CLIENT, 60, Arc::new([effect])).await.unwrap().remove(0)
    };
    let unknown = Progress {
        end: Some((FlowState::Error, Some("never heard of it".into()))),
        is_unknown: true,
        ..Progress::default()
    };
    assert_eq!(take(10, None).await, ["F.LOST", "F.HEARD"]);
    report("F.HEARD", Progress::default()).await;
    for now in [20, 30] {
        assert_eq!(report("F.LOST", unknown.clone()).await, Outcome::QueuedAgain);
        let waiting = db.flow(&CLIENT, &flow_id("F.LOST")).await.unwrap().unwrap();
        assert_eq!((waiting.state, waiting.delivered), (FlowState::Running, None));
        assert_eq!(take(now, None).await, ["F.LOST"]);
    }
    let outcome = report("F.LOST", unknown.clone()).await;
    assert_eq!(outcome, Outcome::Progressed { ended: true }, "not without end");
    assert_eq!(
        report("F.HEARD", unknown).await,
        Outcome::Progressed { ended: true },
        "the agent had it: run again, it would give other rows"
    );
    assert!(take(40, Some(39)).await.is_empty());

    let stop = |id: &str| Task {
        is_flow_request: false,
        message: b"stop".to_vec(),
        ..task(id, true)
    };
    for id in ["F.STOPPED", "F.DEAF"] {
        db.create_flow(flow(id), vec![task(id, false)]).await.unwrap();
        assert_eq!(take(50, None).await, [id]);
        assert!(
            db.cancel_flow(&CLIENT, &flow_id(id), "Cancelled", stop(id), 51)
                .await
                .unwrap()
        );
        assert_eq!(take(60, None).await, ["stop"]);
    }
    assert!(take(70, Some(59)).await.is_empty(), "too early");
    let stopped = Progress {
        end: Some((FlowState::Error, Some("Cancelled".into()))),
        ..Progress::default()
    };
    report("F.STOPPED", stopped).await;
    assert_eq!(
        take(70, Some(60)).await,
        ["stop"],
        "only the one that did not stop"
    );
    assert!(take(80, Some(69)).await.is_empty());
    assert_eq!(take(90, Some(70)).await, ["stop"]);
    assert!(take(200, Some(190)).await.is_empty(), "not without end");
}
