//! Server monitoring: what runs, what it yields, how it fails, and the queues that tell of clients.

use crate::common::World;
use crate::common::agent::Agent;
use crate::common::http::{Browser, PATIENCE};
use peregrine_proto::velo_status::ReturnedStatus;
use serde_json::{Value, json};

/// Rows of a query.
async fn rows(browser: &Browser, vql: &str) -> Vec<Value> {
    let reply = browser.call("POST", "queries", Some(json!({ "vql": vql }))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let text = reply.text();
    let lines = text.lines().filter(|line| !line.is_empty());
    let lines = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter_map(|mut line| line.get_mut("row").map(Value::take))
        .collect()
}

/// Asks until the answer is good.
async fn until<T: std::fmt::Debug>(mut ask: impl AsyncFnMut() -> T, is_good: impl Fn(&T) -> bool) -> T {
    let asking = async {
        loop {
            let answer = ask().await;
            if is_good(&answer) {
                return answer;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it becomes true")
}

async fn set(browser: &Browser, table: Value) {
    let reply = browser.call("PUT", "monitoring/server", Some(table)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
}

async fn has_begun(browser: &Browser, artifact: &str, times: usize) {
    let vql = format!(
        "SELECT * FROM monitoring_logs(client_id='server', artifact='{artifact}') WHERE message =~ 'Starting'"
    );
    until(async || rows(browser, &vql).await, |rows| rows.len() == times).await;
}

async fn send(agent: &Agent, numbers: std::ops::Range<u64>) {
    let rows: Vec<String> = numbers
        .clone()
        .map(|number| json!({ "N": number }).to_string())
        .collect();
    let message = agent.rows("F.Monitoring", "Test.Events", numbers.start, &rows);
    agent.say(vec![message]).await;
}

const SEEN: &str = "SELECT N, ClientId, Least FROM monitoring(client_id='server', artifact='Test.Echo/Seen')";

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_table_runs_and_what_does_not_change_goes_on() {
    let mut world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let echo = json!({"artifact": "Test.Echo", "parameters": {"Least": "2", "Key": "hidden away"}});
    set(&browser, json!({"artifacts": [echo, {"artifact": "Test.Fails"}]})).await;
    let shown = browser.get("monitoring/server").await.to_string();
    assert!(
        !shown.contains("hidden away") && shown.contains("Test.Fails"),
        "{shown}"
    );
    has_begun(&browser, "Test.Echo", 1).await;
    send(&agent, 0..4).await;
    let found = until(async || rows(&browser, SEEN).await, |rows| rows.len() >= 2).await;
    let expected = |number| json!({"N": number, "ClientId": agent.id, "Least": 2});
    assert_eq!(found, [expected(2), expected(3)]);

    // One that fails starts again after a pause, says so in its log, and takes no other with it.
    let failures = "SELECT message FROM monitoring_logs(client_id='server', artifact='Test.Fails') WHERE message =~ 'starts again'";
    let failures = until(async || rows(&browser, failures).await, |rows| rows.len() >= 2).await;
    assert_eq!(
        failures[1]["message"],
        "Test.Fails failed and starts again in 2 s: this does not work"
    );
    // The value that was hidden is kept, so this changes nothing for the first.
    let shown = browser.get("monitoring/server").await["artifacts"][0].take();
    set(&browser, json!({"artifacts": [shown]})).await;
    send(&agent, 4..5).await;
    until(async || rows(&browser, SEEN).await, |rows| rows.len() == 3).await;
    has_begun(&browser, "Test.Echo", 1).await;

    // With other parameters it is another query.
    set(
        &browser,
        json!({"artifacts": [{"artifact": "Test.Echo", "parameters": {"Least": "6"}}]}),
    )
    .await;
    has_begun(&browser, "Test.Echo", 2).await;
    send(&agent, 5..7).await;
    let found = until(async || rows(&browser, SEEN).await, |rows| rows.len() >= 4).await;
    assert_eq!(found[3..], [json!({"N": 6, "ClientId": agent.id, "Least": 6})]);

    // It goes on when the server starts again, and ends when it no longer stands in the table.
    world.stop().await;
    world.start().await;
    let browser = world.sign_in("tester").await;
    has_begun(&browser, "Test.Echo", 3).await;
    agent.address = world.frontend();
    send(&agent, 7..8).await;
    until(async || rows(&browser, SEEN).await, |rows| rows.len() == 5).await;
    set(&browser, json!({"artifacts": []})).await;
    assert_eq!(browser.get("monitoring/server").await, json!({"artifacts": []}));
    let listed = browser.get("clients/server/events").await;
    let listed = listed["artifacts"].as_array().unwrap();
    let seen = listed
        .iter()
        .find(|artifact| artifact["name"] == "Test.Echo/Seen");
    assert_eq!(seen.unwrap()["rows"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_event_artifacts_of_the_server_run_and_only_who_may_changes_them() {
    let world = World::new().await;
    let browser = world.sign_in("tester").await;
    for (artifact, why) in [
        (
            "Test.Events",
            "`Test.Events` is of type CLIENT_EVENT, not SERVER_EVENT",
        ),
        (
            "Test.OnServer",
            "`Test.OnServer` is of type SERVER, not SERVER_EVENT",
        ),
        ("Test.Echo/Sen", "has no source `Sen`"),
    ] {
        let table = json!({"artifacts": [{"artifact": "Test.Fails"}, {"artifact": artifact}]});
        let reply = browser.call("PUT", "monitoring/server", Some(table)).await;
        assert!(
            reply.status >= 400 && reply.text().contains(why),
            "{}",
            reply.text()
        );
    }
    assert_eq!(browser.get("monitoring/server").await, json!({"artifacts": []}));
    let looker = world.sign_in("looker").await;
    assert_eq!(looker.get("monitoring/server").await, json!({"artifacts": []}));
    let table = json!({"artifacts": [{"artifact": "Test.Fails"}]});
    let reply = looker.call("PUT", "monitoring/server", Some(table.clone())).await;
    assert_eq!(reply.status, 403);
    set(&browser, table).await;
    let audit = browser.get("audit").await.to_string();
    assert!(audit.contains("SetServerMonitoringState"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_tell_what_happens_to_clients() {
    let world = World::new().await;
    let browser = world.sign_in("tester").await;
    let watched = [
        ("Server.Internal.Enrollment", 1),
        ("Server.Internal.Interrogation", 1),
        ("Server.Internal.Label", 2),
        ("Server.Internal.MetadataModifications", 1),
        ("System.Flow.Completion", 2),
        ("System.Upload.Completion", 1),
    ];
    let mut watching = Vec::new();
    for (queue, count) in watched {
        let vql = format!("SELECT * FROM watch_monitoring(artifact='{queue}') LIMIT {count}");
        let browser = browser.clone();
        watching.push((queue, tokio::spawn(async move { rows(&browser, &vql).await })));
    }
    let running = async || browser.get("queries").await["queries"].as_array().unwrap().len();
    until(running, |count| *count == watched.len()).await;

    let mut agent = world.agent().await;
    let change = json!({"add": ["One"], "remove": ["from-agent"]});
    let labels = format!("clients/{}/labels", agent.id);
    assert_eq!(browser.call("PUT", &labels, Some(change)).await.status, 200);
    let vql = format!(
        "SELECT client_set_metadata(client_id='{}', Dept='x') FROM scope()",
        agent.id
    );
    rows(&browser, &vql).await;
    let request = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    let flows = format!("clients/{}/flows", agent.id);
    let reply = browser.call("POST", &flows, Some(request)).await;
    let flow = reply.json()["flow_id"].as_str().unwrap().to_owned();
    agent.poll().await;
    agent
        .say(vec![
            agent.rows(&flow, "Test.Rows/All", 0, &["{\"Count\":1}".to_owned()]),
            agent.piece(&flow, 0, b"abcdef", true),
            agent.stats(&flow, ReturnedStatus::Ok, "", true),
        ])
        .await;

    let mut told = std::collections::BTreeMap::new();
    for (queue, watching) in watching {
        let rows = tokio::time::timeout(PATIENCE, watching)
            .await
            .expect(queue)
            .unwrap();
        for row in &rows {
            assert!(row["_ts"].is_number(), "{row}");
        }
        told.insert(queue, rows);
    }
    let of = |queue: &str, member: &str| -> Vec<Value> {
        told[queue].iter().map(|row| row[member].clone()).collect()
    };
    for queue in ["Server.Internal.Enrollment", "Server.Internal.Interrogation"] {
        assert_eq!(of(queue, "ClientId"), [json!(agent.id)]);
    }
    assert_eq!(of("Server.Internal.Label", "Operation"), ["Add", "Remove"]);
    assert_eq!(of("Server.Internal.Label", "Label"), ["One", "from-agent"]);
    assert_eq!(
        of("Server.Internal.MetadataModifications", "updated_keys"),
        [json!(["Dept"])]
    );
    let completion = &told["System.Flow.Completion"][1];
    assert_eq!(completion["FlowId"], *flow);
    assert_eq!(
        (
            &completion["Flow"]["state"],
            &completion["Flow"]["total_collected_rows"],
            &completion["Flow"]["artifacts_with_results"]
        ),
        (&json!("FINISHED"), &json!(1), &json!(["Test.Rows/All"]))
    );
    assert_eq!(of("System.Upload.Completion", "UploadedSize"), [6]);
    // Those of clients are stored, once.
    let vql = format!(
        "SELECT FlowId FROM monitoring(client_id='{}', artifact='System.Flow.Completion')",
        agent.id
    );
    assert_eq!(rows(&browser, &vql).await.len(), 2);
}
