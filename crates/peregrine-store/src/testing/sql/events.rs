//! Event rows across clients, ends of collections that are told once, and duties of servers.

use super::servers::{ONE, TWO, join};
use super::{CLIENT, FLOW, all_rows, client_id, flow, flow_id, numbered, task};
use crate::*;

/// An artifact's events are found across clients, and not those of others whose names begin alike.
pub(super) async fn of_an_artifact(db: &impl Database) {
    let other = client_id("C.0000000000000002");
    for client in [&*CLIENT, &other] {
        db.enrol(client, "pem", 1).await.unwrap();
    }
    let event = |source: &str, kind| Effect::Events {
        source: source.into(),
        kind,
        digest: [1; 16],
        at: 100,
        chunk: numbered(0, 2),
    };
    for (client, source) in [
        (&*CLIENT, "A"),
        (&other, "A/One"),
        (&*CLIENT, "A/Two"),
        (&*CLIENT, "A.B"),
        (&*CLIENT, "A0"),
        (&*CLIENT, "B/A"),
    ] {
        let effects = vec![event(source, SetKind::Events), event(source, SetKind::EventLogs)];
        db.apply(client, 1, effects.into()).await.unwrap();
    }
    let found = async |artifact: &str| {
        let sets = db.events_of(artifact).await.unwrap();
        let named = sets.into_iter().map(|(client, set)| {
            assert_eq!((set.kind, set.rows()), (SetKind::Events, 2));
            (client, set.name)
        });
        named.collect::<Vec<_>>()
    };
    let named = |client: &ClientId, name: &str| (client.clone(), name.to_owned());
    let all = [
        named(&CLIENT, "A"),
        named(&other, "A/One"),
        named(&CLIENT, "A/Two"),
    ];
    assert_eq!(found("A").await, all);
    assert_eq!(found("A/Two").await, all[2..]);
    assert_eq!(found("A/Three").await, []);
    // Nothing is left of a client that was deleted, nor comes again from an agent that has not heard of it.
    db.delete_client(&other).await.unwrap();
    let late = vec![event("A/One", SetKind::Events)];
    let outcomes = db.apply(&other, 1, late.into()).await.unwrap();
    assert_eq!(outcomes, [Outcome::UnknownFlow]);
    assert_eq!(found("A").await, [all[0].clone(), all[2].clone()]);
    // The server has events without being a client.
    let own = vec![event("A/Four", SetKind::Events)];
    db.apply(&ClientId::server(), 1, own.into()).await.unwrap();
    assert_eq!(found("A/Four").await, [named(&ClientId::server(), "A/Four")]);
}

/// Of a set a span of time is deleted; what is left has numbers without a gap, and new rows continue them.
pub(super) async fn are_deleted_by_time(db: &impl Database) {
    let other = client_id("C.0000000000000002");
    for client in [&*CLIENT, &other] {
        db.enrol(client, "pem", 1).await.unwrap();
    }
    let event = |number: u8| Effect::Events {
        source: "A".into(),
        kind: SetKind::Events,
        digest: [number; 16],
        at: i64::from(number) * 100,
        chunk: numbered(u64::from(number) * 2, 2),
    };
    for client in [&*CLIENT, &other] {
        let effects: Vec<Effect> = (0..6).map(event).collect();
        db.apply(client, 1, effects.into()).await.unwrap();
    }
    let of = async |client| db.event_sets(client).await.unwrap();
    let set = of(&CLIENT).await.remove(0).id;
    let delete = async |start, end| db.delete_events(&CLIENT, set, start, end).await.unwrap();
    let left = async || {
        let set = of(&CLIENT).await.remove(0);
        let rows = all_rows(db, set.id, set.first_row).await;
        assert_eq!(rows.len() as u64, set.rows(), "{rows:?}");
        let texts = rows.iter().map(|row| row.replace("{\"n\":", "").replace('}', ""));
        (
            set.first_row,
            texts.collect::<Vec<_>>().join(" "),
            set.span.unwrap(),
        )
    };
    assert_eq!(delete(Some(101), Some(200)).await, 0, "nothing came then");
    // In the middle: what is older moves up, what is newer stays.
    assert_eq!(delete(Some(200), Some(400)).await, 4);
    assert_eq!(left().await, (4, "0 1 2 3 8 9 10 11".to_owned(), (0, 500)));
    let range = async |start, end| db.row_range(set, start, end).await.unwrap();
    assert_eq!(range(Some(100), Some(401)).await, (6, 10));
    assert_eq!(delete(None, Some(100)).await, 2);
    assert_eq!(left().await, (6, "2 3 8 9 10 11".to_owned(), (100, 500)));
    assert_eq!(delete(Some(450), None).await, 2);
    assert_eq!(left().await, (8, "2 3 8 9".to_owned(), (100, 400)));
    let more = vec![event(6)];
    let outcomes = db.apply(&CLIENT, 1, more.into()).await.unwrap();
    assert_eq!(outcomes, [Outcome::Appended { set, total: 14 }]);
    assert_eq!(left().await, (8, "2 3 8 9 12 13".to_owned(), (100, 600)));

    // Another client's set stays, whoever is said to have it.
    let theirs = of(&other).await.remove(0);
    let taken = db.delete_events(&CLIENT, theirs.id, None, None).await.unwrap();
    assert_eq!((taken, of(&other).await), (0, vec![theirs]));
    assert_eq!(delete(None, None).await, 6);
    assert_eq!(of(&CLIENT).await, []);
    let again = vec![event(1)];
    db.apply(&CLIENT, 1, again.into()).await.unwrap();
    assert_eq!(left().await, (0, "2 3".to_owned(), (100, 100)));
}

/// Every end is told once, however often it is reported or told.
pub(super) async fn ends_are_told_once(db: &impl Database) {
    let end = |flow: &FlowId| Effect::Progress {
        flow_id: flow.clone(),
        progress: Progress {
            end: Some((FlowState::Finished, None)),
            ..Progress::default()
        },
    };
    let told = |flow: &FlowId, digest: u8| Effect::Completion {
        flow_id: flow.clone(),
        source: "System.Flow.Completion".into(),
        digest: [digest; 16],
        at: 300,
        chunk: numbered(0, 1),
    };
    let (cancelled, running, deleted) = (flow_id("F.B"), flow_id("F.C"), flow_id("F.D"));
    db.enrol(&CLIENT, "pem", 1).await.unwrap();
    for id in [&*FLOW, &cancelled, &running, &deleted] {
        db.create_flow(flow(id), vec![]).await.unwrap();
    }
    let effects = vec![end(&FLOW), end(&FLOW)];
    db.apply(&CLIENT, 100, effects.into()).await.unwrap();
    let stop = task(&cancelled, true);
    let stopped = db.cancel_flow(&CLIENT, &cancelled, "stopped", stop.clone(), 200);
    assert!(stopped.await.unwrap());
    assert!(
        !db.cancel_flow(&CLIENT, &FLOW, "stopped", stop, 200)
            .await
            .unwrap()
    );
    let ended = vec![end(&deleted)];
    db.apply(&CLIENT, 150, ended.into()).await.unwrap();
    db.delete_flow(&CLIENT, &deleted).await.unwrap();

    let untold = async |before, limit| {
        let found = db.untold_completions(before, limit).await.unwrap();
        found.into_iter().map(|(_, flow)| flow).collect::<Vec<_>>()
    };
    assert_eq!(untold(199, 9).await, std::slice::from_ref(&*FLOW));
    assert_eq!(untold(200, 9).await, [FLOW.clone(), cancelled.clone()]);
    assert_eq!(untold(200, 1).await, std::slice::from_ref(&*FLOW));
    for (flow, is_new) in [
        (&*FLOW, true),
        (&*FLOW, false),
        (&running, false),
        (&cancelled, true),
    ] {
        let digest = u8::try_from(untold(200, 9).await.len()).unwrap();
        let outcomes = db
            .apply(&CLIENT, 400, vec![told(flow, digest)].into())
            .await
            .unwrap();
        assert_eq!(
            matches!(outcomes[0], Outcome::Appended { .. }),
            is_new,
            "{flow}: {outcomes:?}"
        );
    }
    assert!(untold(i64::MAX, 9).await.is_empty());
    assert_eq!(db.event_sets(&CLIENT).await.unwrap()[0].rows(), 2);
}

/// A duty has one server, until that is gone.
pub(super) async fn duties_have_one_server(db: &impl Database) {
    let take = async |name, server| db.take_duty(name, server).await.unwrap();
    assert!(!take("a", ONE).await, "it is not on the list");
    for server in [ONE, TWO] {
        join(db, server).await;
    }
    assert!(take("a", ONE).await && take("a", ONE).await);
    assert!(!take("a", TWO).await && take("b", TWO).await);
    // Polled together, so that an implementation with several writers has them at the same time.
    let both = [db.take_duty("c", ONE), db.take_duty("c", TWO)];
    let mut count = 0;
    for taken in both {
        count += u32::from(taken.await.unwrap());
    }
    assert_eq!(count, 1);
    db.leave_servers(ONE).await.unwrap();
    assert!(!take("a", ONE).await && take("a", TWO).await);
    assert!(take("c", TWO).await);
}
