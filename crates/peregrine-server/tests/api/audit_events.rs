//! The audit log as events of the server.

use crate::common::World;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_is_read_and_watched_only_by_those_who_may() {
    let world = World::new().await;
    let browser = world.sign_in("tester").await;
    let (list, log) = ("clients/server/events", "clients/server/events/Server.Audit.Logs");
    let listed = browser.get(list).await["artifacts"].clone();
    let audit = listed.as_array().unwrap().last().unwrap().clone();
    let page = browser.get(&format!("{log}?limit=1000")).await;
    let rows = page["rows"].as_array().unwrap();
    let names = page["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| &column["name"]);
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["operation", "principal", "details", "_ts"]
    );
    assert!(
        rows.iter().any(|row| row[0] == "Login" && row[1] == "tester"),
        "{page}"
    );
    assert_eq!(
        (&audit["name"], &audit["rows"]),
        (&json!("Server.Audit.Logs"), &json!(rows.len()))
    );
    assert!(audit["first"].as_str() <= audit["last"].as_str(), "{audit}");
    assert_eq!(
        browser.get(&format!("{log}?end=2000-01-01T00:00:00Z")).await["total"],
        0
    );

    let looker = world.sign_in("looker").await;
    assert!(!looker.get(list).await.to_string().contains("Server.Audit.Logs"));
    assert_eq!(looker.call("GET", log, None).await.status, 403);
    world
        .server()
        .put_user("asker", crate::common::PASSWORD, &["api"])
        .await
        .unwrap();
    let asker = world.sign_in("asker").await;
    for plugin in [
        "source(client_id='server', artifact='Server.Audit.Logs')",
        "monitoring(client_id='server', artifact='Server.Audit.Logs')",
        "watch_monitoring(artifact='Server.Audit.Logs')",
    ] {
        let vql = format!("SELECT * FROM {plugin} LIMIT 1");
        let reply = asker
            .call("POST", "queries", Some(json!({"vql": vql, "timeout": 20})))
            .await;
        assert!(
            reply.text().contains("PERMISSION_DENIED") && !reply.text().contains("Login"),
            "{}",
            reply.text()
        );
    }
}
