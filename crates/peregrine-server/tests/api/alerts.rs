//! Alerts that queries on the server raise.

use crate::common::World;
use crate::common::http::PATIENCE;
use peregrine_artifacts::Origin;
use serde_json::{Value, json};

/// Fails its collection if what it says counts as an error.
const RAISE: &str = r#"log(level="ALERT", message='{"name":"NAME","event_data":{"Text":"Error: as data"}}')"#;

#[tokio::test(flavor = "multi_thread")]
async fn queries_collections_and_event_queries_on_the_server_raise_alerts() {
    let world = World::new().await;
    let raise = |name: &str| RAISE.replace("NAME", name);
    for (artifact, kind) in [
        ("Test.Alerts.Server", "SERVER"),
        ("Test.Alerts.Events", "SERVER_EVENT"),
    ] {
        let query = format!("SELECT {} AS A FROM scope()", raise(kind));
        let raw = json!({"name": artifact, "type": kind, "sources": [{"name": "Raise", "query": query}]});
        world.artifacts.load(&raw.to_string(), Origin::Custom).unwrap();
    }
    let browser = world.sign_in("tester").await;
    let query = format!("SELECT {} AS A FROM scope()", raise("a query"));
    let reply = browser
        .call("POST", "queries", Some(json!({ "vql": query })))
        .await;
    assert!(reply.text().contains(r#"{"A":true}"#), "{}", reply.text());
    let request = json!({"artifacts": [{"artifact": "Test.Alerts.Server"}]});
    let reply = browser
        .call("POST", "clients/server/flows", Some(request.clone()))
        .await;
    let flow = reply.json()["flow_id"].clone();
    let table = json!({"artifacts": [{"artifact": "Test.Alerts.Events"}]});
    let reply = browser.call("PUT", "monitoring/server", Some(table)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());

    let all = async {
        loop {
            let reply = browser
                .call("GET", "clients/server/events/Server.Internal.Alerts", None)
                .await;
            let mut rows = reply.json()["rows"].as_array().cloned().unwrap_or_default();
            if rows.len() == 3 {
                rows.sort_by_key(|row| row[1].to_string());
                return rows;
            }
        }
    };
    let rows = tokio::time::timeout(PATIENCE, all).await.expect("three alerts");
    let described = |row: &Value| [1, 4, 5, 6].map(|column| row[column].clone());
    let none = || json!("");
    assert_eq!(
        rows.iter().map(described).collect::<Vec<_>>(),
        [
            [
                json!("SERVER"),
                json!("Test.Alerts.Server/Raise"),
                json!("SERVER"),
                flow.clone()
            ],
            [
                json!("SERVER_EVENT"),
                json!("Test.Alerts.Events"),
                json!("SERVER_EVENT"),
                none()
            ],
            [json!("a query"), none(), none(), none()],
        ]
    );
    for row in &rows {
        assert_eq!(
            (&row[0], &row[3]["Text"]),
            (&json!("server"), &json!("Error: as data"))
        );
    }
    let path = format!("clients/server/flows/{}", flow.as_str().unwrap());
    let ended = async {
        loop {
            let state = browser.get(&path).await["state"].clone();
            if state != "waiting" && state != "in_progress" {
                return state;
            }
        }
    };
    let state = tokio::time::timeout(PATIENCE, ended).await.expect("an end");
    assert_eq!(state, "finished", "an alert is no error");
}
