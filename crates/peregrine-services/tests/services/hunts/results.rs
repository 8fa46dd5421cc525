//! Results over all clients of a hunt.

use super::{
    SOURCE, answer, client, connect, create, members, new_hunt, server, tell_facts, until, user,
    while_serving,
};
use peregrine_api::hunts::{HuntClientsQuery, HuntWaitReason};
use peregrine_api::table::{ExportFormat, TableParams};
use peregrine_services::flows;
use peregrine_services::hunts::{self, Results};
use peregrine_services::table::{Filters, TableQuery};
use peregrine_services::users::Role;
use std::sync::Arc;
use tempfile::TempDir;

#[tokio::test]
async fn results_of_all_clients_are_one_table() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=12).await;
    let id = create(&core, new_hunt(true)).await;
    while_serving(&core, async {
        until(async || members(&core, &id).await.len() == 12).await;
    })
    .await;
    for number in 1..=11 {
        tell_facts(&core, number, "linux").await;
        answer(&core, number, &id.flow_id(), number, None).await;
    }
    let reader = user(Role::Reader);
    let table = Results {
        hunt_id: &id,
        source: "",
    };
    let page = async |params: TableParams| {
        let query = TableQuery::check(params).unwrap();
        table.page(&core, &reader, &query).await.unwrap()
    };
    let all = page(TableParams::default()).await;
    assert_eq!((all.total, all.rows.len(), all.complete), (66, 66, false));
    let names: Vec<_> = all.columns.iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["Row", "Hostname", "FlowId", "ClientId", "Fqdn"]);
    for row in &all.rows {
        let number: usize = row[1].as_str().unwrap()[4..].parse().unwrap();
        let origin = [
            id.flow_id().to_string(),
            client(number).to_string(),
            format!("host{number}.example"),
        ];
        assert_eq!(
            row[2..],
            origin.map(serde_json::Value::from),
            "every row is its client's"
        );
    }
    let parts = [(0, 7), (7, 40), (47, 99)].map(|(offset, limit)| TableParams {
        offset: Some(offset),
        limit: Some(limit),
        ..TableParams::default()
    });
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(page(part).await.rows);
    }
    assert_eq!(rows, all.rows, "pages are parts of it");

    let filtered = TableParams {
        filter: Some(r#"[{"column":"Fqdn","op":"eq","value":"host9.example"}]"#.into()),
        sort: Some("Row".into()),
        desc: Some("1".into()),
        limit: Some(2),
        ..TableParams::default()
    };
    let found = page(filtered).await;
    assert_eq!((found.total, &found.rows[0][0]), (9, &8.into()));
    let facets = table
        .facets(&core, &reader, "ClientId", Filters::default())
        .await
        .unwrap();
    assert_eq!(
        (facets.distinct, facets.total, facets.values[0].count),
        (11, 66, 11)
    );
    let (name, mut pieces) = table
        .export(&core, &reader, ExportFormat::Jsonl, None, Filters::default())
        .await
        .unwrap();
    assert!(
        name.starts_with(id.as_str()) && name.ends_with(".jsonl"),
        "{name}"
    );
    let mut text = Vec::new();
    while let Some(piece) = pieces.recv().await {
        text.extend(piece.unwrap());
    }
    assert_eq!(String::from_utf8(text).unwrap().lines().count(), 66);
    let sources = hunts::sources(&core, &reader, &id).await.unwrap().sources;
    assert_eq!(
        (&*sources[0].name, sources[0].clients, sources[0].rows),
        (SOURCE, 11, 66)
    );

    flows::delete(&core, &user(Role::Administrator), &client(5), &id.flow_id())
        .await
        .unwrap();
    assert_eq!(
        page(TableParams::default()).await.total,
        61,
        "without those that were deleted"
    );
    let deleted = HuntClientsQuery {
        state: Some("deleted".into()),
        ..HuntClientsQuery::default()
    };
    let deleted = hunts::clients(&core, &reader, &id, deleted).await.unwrap();
    assert_eq!((deleted.total, deleted.clients[0].state), (1, None));
    let waiting = HuntClientsQuery {
        state: Some("waiting".into()),
        ..HuntClientsQuery::default()
    };
    let waiting = hunts::clients(&core, &reader, &id, waiting).await.unwrap();
    assert_eq!(
        waiting.clients[0].waits.as_ref().unwrap().reason,
        HuntWaitReason::NotDelivered
    );
    hunts::stop(&core, &user(Role::Investigator), &id, true)
        .await
        .unwrap();
    core.storage.database.count_hunt(&id).await.unwrap();
    assert!(page(TableParams::default()).await.complete, "nothing more comes");
}

#[tokio::test]
async fn rows_that_come_while_a_table_is_read_do_not_disturb_it() {
    let folder = TempDir::new().unwrap();
    let core = server(&folder).await;
    connect(&core, 1..=2).await;
    let id = create(&core, new_hunt(false)).await;
    let investigator = user(Role::Investigator);
    for number in [1, 2] {
        hunts::add_client(&core, &investigator, &id, &client(number))
            .await
            .unwrap();
        answer(&core, number, &id.flow_id(), 2, None).await;
    }
    let database: Arc<_> = core.storage.database.clone();
    let table = peregrine_services::table::HuntRows::open(database, &id, SOURCE)
        .await
        .unwrap();
    answer(&core, 1, &id.flow_id(), 9, None).await;
    let count = peregrine_services::table::scan(&table, Vec::new(), |found, line| {
        found.push(line.number);
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!(count.await.unwrap(), [0, 1, 2, 3]);
}
