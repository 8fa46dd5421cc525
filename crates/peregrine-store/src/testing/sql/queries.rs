//! Queries that run on servers, as all servers list them.

use super::servers::{ONE, TWO, join};
use crate::*;

/// A query is listed until it ends, or the server that ran it is gone.
pub(super) async fn are_listed_while_their_server_lives(db: &impl Database) {
    for server in [ONE, TWO] {
        join(db, server).await;
    }
    let query = |id: &str, server_id: &str, started| QueryRecord {
        query_id: id.into(),
        server_id: server_id.into(),
        principal: "admin".into(),
        text: "SELECT * FROM clock()".into(),
        started,
    };
    let queries = [query("Q.3", ONE, 1), query("Q.2", TWO, 2), query("Q.1", ONE, 3)];
    for query in queries.clone() {
        db.list_query(query).await.unwrap();
    }
    assert_eq!(db.listed_queries().await.unwrap(), queries);
    db.unlist_query("Q.3").await.unwrap();
    db.unlist_query("Q.9").await.unwrap();
    db.leave_servers(TWO).await.unwrap();
    assert_eq!(db.listed_queries().await.unwrap(), queries[2..]);
}
