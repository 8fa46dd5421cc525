//! Unusual texts from endpoints.

use crate::testing::client_id;
use crate::*;
use std::sync::Arc;

/// Names on endpoints can contain anything, even zero bytes, which PostgreSQL cannot store.
pub(super) async fn come_back(db: &impl Database) {
    for odd in [
        "",
        "a\0b",
        "\u{1a}0",
        "%_\\'\";--",
        "Ünïcode \u{10ffff}",
        "\r\n\t",
    ] {
        db.set_setting(odd, odd).await.unwrap();
        assert_eq!(db.setting(odd).await.unwrap().as_deref(), Some(odd), "{odd:?}");
        let id = client_id(format!("C.{}", odd.len()));
        db.enrol(&id, odd, 1).await.unwrap();
        assert_eq!(db.client_key(&id).await.unwrap().as_deref(), Some(odd));
        let facts = ClientFacts {
            hostname: format!("x{odd}"),
            ..Default::default()
        };
        let effect = Effect::Facts {
            facts: Box::new(facts),
            labels: Vec::new(),
            flow_id: None,
            at: 1,
        };
        db.apply(&id, 1, Arc::new([effect])).await.unwrap();
        let query = ClientQuery {
            filter: ClientFilter::Term(vec![TermKind::Name], TermPattern::prefix(&format!("X{odd}"))),
            limit: 9,
            ..Default::default()
        };
        let found = db.clients(query).await.unwrap();
        assert!(found.items.iter().any(|client| client.client_id == id), "{odd:?}");
    }
}
