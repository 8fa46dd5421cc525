//! Organisations do not see each other's data.

use super::{CLIENT, FLOW, delete_events_before, flow, hunts, poll, task, work};
use crate::chunk::Chunk;
use crate::*;
use std::sync::Arc;

/// Data of one organisation does not exist in another, even under the same name.
pub(super) async fn are_apart(store: &SqlStore) {
    let (one, other) = (store.org(&OrgId::root()), store.org(&"O2".parse().unwrap()));
    for db in [&one, &other] {
        db.enrol(&CLIENT, "pem", 1).await.unwrap();
    }
    one.set_setting("a", "1").await.unwrap();
    one.create_flow(flow(&*FLOW), vec![task(&*FLOW, false)])
        .await
        .unwrap();
    one.set_labels(&CLIENT, &["red".into()], &[], 1).await.unwrap();
    one.set_metadata(&CLIENT, &[("k".into(), Some("v".into()))])
        .await
        .unwrap();
    let rows = Effect::Rows {
        flow_id: FLOW.clone(),
        source: "A".into(),
        start_row: Some(0),
        chunk: Chunk::pack(b"{}\n").unwrap(),
    };
    one.apply(&CLIENT, 1, Arc::new([rows.clone()])).await.unwrap();
    let event = Effect::Events {
        source: "E".into(),
        kind: SetKind::Events,
        digest: [0; 16],
        at: 5,
        chunk: Chunk::pack(b"{}\n").unwrap(),
    };
    one.apply(&CLIENT, 1, Arc::new([event])).await.unwrap();

    assert_eq!(other.setting("a").await.unwrap(), None);
    assert_eq!(other.flow(&CLIENT, &FLOW).await.unwrap(), None);
    assert_eq!(
        other.apply(&CLIENT, 1, Arc::new([rows])).await.unwrap(),
        [Outcome::UnknownFlow]
    );
    assert!(other.client(&CLIENT).await.unwrap().unwrap().labels.is_empty());
    for filter in [
        ClientFilter::Term(vec![TermKind::Label], TermPattern::prefix("red")),
        ClientFilter::Metadata("k".into(), TermPattern::prefix("v")),
    ] {
        let query = ClientQuery {
            filter,
            limit: 9,
            ..Default::default()
        };
        assert_eq!(other.clients(query.clone()).await.unwrap().total, 0);
        assert_eq!(one.clients(query).await.unwrap().total, 1);
    }
    let set = one.result_sets(&CLIENT, &FLOW).await.unwrap()[0].id;
    assert_eq!(one.read_chunks(set, 0, 99).await.unwrap().len(), 1);
    assert!(
        other.read_chunks(set, 0, 99).await.unwrap().is_empty(),
        "a number is not a key"
    );
    assert!(other.read_sets(vec![set], 0, 99).await.unwrap().is_empty());
    assert_eq!(one.read_sets(vec![set], 0, 99).await.unwrap().len(), 1);
    let hunt = hunts::create(&one, hunts::hunt("H.A", HuntState::Running)).await;
    assert_eq!(other.hunt(&hunt).await.unwrap(), None);
    assert!(other.running_hunts().await.unwrap().is_empty());
    let here = one.join_hunt(&hunt, vec![CLIENT.clone()], Admission::ByHand, 1);
    assert_eq!(here.await.unwrap().clients.len(), 1);
    assert!(
        other
            .hunts_of_flows(vec![(CLIENT.clone(), hunt.flow_id())])
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(other.row_range(set, None, None).await.unwrap(), (0, 0));
    delete_events_before(&other, 100).await;
    let events = one.event_sets(&CLIENT).await.unwrap()[0].id;
    let deleted = other.delete_events(&CLIENT, events, None, None);
    assert_eq!(deleted.await.unwrap(), 0);
    assert!(work(&other, poll(1)).await.tasks.is_empty());
    other.delete_client(&CLIENT).await.unwrap();
    assert_eq!(one.counts().await.unwrap().rows, 2);
    assert_eq!(work(&one, poll(1)).await.tasks.len(), 2);
}
