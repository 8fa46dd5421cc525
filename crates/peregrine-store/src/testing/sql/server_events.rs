//! Event rows of the server that come with the packets of clients.

use super::{CLIENT, FLOW, all_rows, client_id, flow, total};
use crate::chunk::Chunk;
use crate::*;
use futures_util::future::join_all;

fn alert(digest: u8) -> Effect {
    Effect::ServerEvents {
        source: "Alerts".into(),
        digest: [digest; 16],
        at: 5,
        chunk: Chunk::pack(format!("{{\"n\":{digest}}}\n").as_bytes()).unwrap(),
    }
}

/// Clients that write at the same time lose none, and repeats add none.
pub(super) async fn are_stored_once(db: &impl Database) {
    db.create_flow(flow(&*FLOW), vec![]).await.unwrap();
    let clients: Vec<ClientId> = (0..40).map(|n| client_id(format_args!("C.{n:016x}"))).collect();
    for _ in 0..2 {
        let writes = (0..)
            .zip(&clients)
            .map(|(number, client)| db.apply(client, 1, [alert(number)].into()));
        for outcomes in join_all(writes).await {
            outcomes.unwrap();
        }
    }
    let progress = Effect::Progress {
        flow_id: FLOW.clone(),
        progress: Progress::default(),
    };
    let outcomes = db
        .apply(&CLIENT, 1, [progress, alert(0), alert(40)].into())
        .await
        .unwrap();
    assert_eq!(
        outcomes[..2],
        [Outcome::Progressed { ended: false }, Outcome::Duplicate]
    );
    assert_eq!(total(&outcomes[2]), Some(41));
    assert!(db.event_sets(&CLIENT).await.unwrap().is_empty());
    let sets = db.event_sets(&ClientId::server()).await.unwrap();
    assert_eq!((sets.len(), &*sets[0].name, sets[0].rows()), (1, "Alerts", 41));
    let mut rows = all_rows(db, sets[0].id, 0).await;
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 41);
}
