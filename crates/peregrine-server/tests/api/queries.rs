//! VQL on the server: what is streamed, who may, and how queries end.

use crate::common::http::{self, Browser, PATIENCE};
use crate::common::{PASSWORD, World};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

/// Yields nothing for longer than any test.
const SILENT: &str = "SELECT * FROM range(start=0, end=1000000000000) WHERE FALSE";

/// The lines of a complete answer, with the id of the query replaced.
async fn lines(browser: &Browser, request: Value) -> Vec<Value> {
    let reply = browser.call("POST", "queries", Some(request)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut lines: Vec<Value> = reply
        .text()
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let id = &mut lines[0]["started"]["query_id"];
    assert!(id.as_str().unwrap().starts_with("Q."), "{id}");
    *id = json!("Q.1");
    lines
}

/// A query that still runs: its id, and the answer to be read.
async fn open(browser: &Browser, vql: &str) -> (String, Incoming) {
    open_with(browser, json!({ "vql": vql })).await
}

async fn open_with(browser: &Browser, request: Value) -> (String, Incoming) {
    let request = browser.request("POST", "queries", Some(request));
    let mut body = http::open(browser.address, request).await.into_body();
    let first = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap();
    let first = first.unwrap().unwrap().into_data().unwrap();
    let first: Value = serde_json::from_slice(first.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
    (first["started"]["query_id"].as_str().unwrap().to_owned(), body)
}

async fn rest(body: Incoming) -> String {
    let bytes = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap();
    String::from_utf8(bytes.unwrap().to_bytes().to_vec()).unwrap()
}

async fn running(browser: &Browser) -> Vec<Value> {
    let queries = browser.get("queries").await["queries"].take();
    queries.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_messages_are_streamed_in_order() {
    let world = World::new().await;
    world.agent().await;
    let browser = world.sign_in("tester").await;
    let request = json!({
        "vql": "LET Double = SELECT _value * 2 AS Twice, Name FROM range(end=2)\n\
                SELECT Twice, Name FROM Double\n\
                SELECT log(message='a message') AS Logged, os_info.system AS System FROM clients()",
        "env": {"Name": "<script>"},
    });
    let shown: Vec<String> = lines(&browser, request)
        .await
        .iter()
        .map(ToString::to_string)
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_ends_a_query_and_says_so() {
    let world = World::new().await;
    let browser = world.sign_in("tester").await;
    let endless = "SELECT * FROM range(end=1000000000000)";
    for (request, reason, message) in [
        (
            json!({"vql": SILENT, "timeout": 1}),
            "timed_out",
            "stopped after 1 seconds",
        ),
        (
            json!({"vql": endless, "max_rows": 3}),
            "too_many_rows",
            "stopped after 3 rows",
        ),
    ] {
        let lines = lines(&browser, request).await;
        let ended = &lines.last().unwrap()["ended"];
        assert_eq!(ended["reason"], reason, "{ended}");
        assert!(ended["message"].as_str().unwrap().starts_with(message), "{ended}");
        let rows = lines.iter().filter(|line| line.get("row").is_some()).count();
        assert_eq!(ended["rows"], rows, "every row that was counted was sent");
    }
    assert_eq!(running(&browser).await, Vec::<Value>::new());
    // Also when its rows wait for somebody who does not read them.
    let stalled = json!({"vql": endless, "timeout": 1});
    let (_, answer) = open_with(&browser, stalled).await;
    let ends = async { while !running(&browser).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, ends).await.expect("it ends");
    let answer = rest(answer).await;
    assert!(
        answer.contains(r#""reason":"timed_out""#),
        "the last line is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_query_is_listed_and_can_be_stopped() {
    let world = World::new().await;
    let browser = world.sign_in("tester").await;
    let (id, answer) = open(&browser, SILENT).await;
    let listed = running(&browser).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (
            &listed[0]["query_id"],
            &listed[0]["principal"],
            &listed[0]["vql"],
            &listed[0]["rows"]
        ),
        (&json!(id), &json!("tester"), &json!(SILENT), &json!(0))
    );
    let reply = browser.call("DELETE", &format!("queries/{id}"), None).await;
    assert_eq!(reply.status, 204, "{}", reply.text());
    let answer = rest(answer).await;
    assert!(
        answer.contains(r#"{"ended":{"reason":"cancelled","rows":0,"message":"cancelled by tester"}}"#),
        "{answer}"
    );
    let gone = browser.call("DELETE", &format!("queries/{id}"), None).await;
    assert_eq!(gone.status, 404);
    let audit = browser.get("audit").await.to_string();
    assert!(
        audit.contains("\"Query\"") && audit.contains("\"CancelQuery\""),
        "{audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_nobody_reads_it_or_the_server_stops() {
    let mut world = World::new().await;
    let browser = world.sign_in("tester").await;
    let (_, answer) = open(&browser, SILENT).await;
    drop(answer);
    let ends = async { while !running(&browser).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, ends).await.expect("it ends");
    let (_, answer) = open(&browser, SILENT).await;
    world.stop().await;
    let answer = rest(answer).await;
    assert!(answer.contains(r#""message":"the server stops""#), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_is_refused() {
    let world =
        World::with(|config| (config.defaults.queries_per_user, config.defaults.queries) = (1, 2)).await;
    let browser = world.sign_in("tester").await;
    let refused = async |browser: &Browser, request: Value| {
        let reply = browser.call("POST", "queries", Some(request)).await;
        let error = reply.json()["error"].clone();
        format!("{} {}: {}", reply.status, error["code"], error["message"])
    };
    let mut shown = Vec::new();
    for request in [
        json!({"vql": "SELECT * FORM info()"}),
        json!({"vql": "SELECT 1 FROM scope()", "limit": 1}),
        json!({"vql": "SELECT 1 FROM scope()", "timeout": -1}),
    ] {
        shown.push(refused(&browser, request).await);
    }
    let reader = world.sign_in("looker").await;
    shown.push(refused(&reader, json!({"vql": "SELECT 1 FROM scope()"})).await);
    let (_, _first) = open(&browser, SILENT).await;
    shown.push(refused(&browser, json!({"vql": "SELECT 1 FROM scope()"})).await);
    let mut others = Vec::new();
    for name in ["second", "third"] {
        let server = world.server();
        server.put_user(name, PASSWORD, &["analyst"]).await.unwrap();
        others.push(world.sign_in(name).await);
    }
    let (second_id, _second) = open(&others[0], SILENT).await;
    shown.push(refused(&others[1], json!({"vql": "SELECT 1 FROM scope()"})).await);
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(running(&browser).await.len(), 2, "an administrator sees all");
    assert_eq!(running(&others[0]).await.len(), 1, "others see their own");
    assert_eq!(running(&others[1]).await.len(), 0);
    let stop = format!("queries/{second_id}");
    assert_eq!(others[1].call("DELETE", &stop, None).await.status, 404);
    assert_eq!(reader.call("DELETE", &stop, None).await.status, 403);
    assert_eq!(reader.call("GET", "queries", None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_may_do_what_its_user_may() {
    let world = World::new().await;
    world.server().put_user("api", PASSWORD, &["api"]).await.unwrap();
    let vql = "SELECT * FROM Artifact.Test.Program()";
    for (user, is_allowed) in [("api", false), ("tester", true)] {
        let browser = world.sign_in(user).await;
        let lines = lines(&browser, json!({ "vql": vql })).await;
        let text = json!(lines).to_string();
        assert_eq!(!text.contains("EXECVE"), is_allowed, "{text}");
    }
}

/// Waits until a collection on the server has ended.
async fn ended(browser: &Browser, flow_id: &str) -> Value {
    let path = format!("clients/server/flows/{flow_id}");
    let ends = async {
        loop {
            let flow = browser.get(&path).await;
            if flow["state"] != "in_progress" {
                return flow;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ends).await.expect("it ends")
}

async fn collect(browser: &Browser, artifact: &str, parameters: Value) -> String {
    let request = json!({"artifacts": [{"artifact": artifact, "parameters": parameters}]});
    let reply = browser.call("POST", "clients/server/flows", Some(request)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["flow_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_of_the_server_are_collected_there() {
    let world = World::new().await;
    let agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flow_id = collect(&browser, "Test.OnServer", json!({"Key": "hidden"})).await;
    let flow = ended(&browser, &flow_id).await;
    assert_eq!(
        (&flow["state"], &flow["status"], &flow["rows"], &flow["creator"]),
        (
            &json!("error"),
            &json!("this does not work"),
            &json!(4),
            &json!("tester")
        )
    );
    assert!(!flow.to_string().contains("hidden"), "{flow}");
    let results = format!("clients/server/flows/{flow_id}/results?source=Test.OnServer");
    let numbers = browser.get(&format!("{results}/Numbers")).await;
    assert_eq!(numbers["rows"], json!([[0, 3], [1, 3], [2, 3]]));
    let broken = browser.get(&format!("{results}/Broken")).await;
    assert_eq!(broken["rows"], json!([[true, agent.id]]));
    let logs = browser.get(&format!("clients/server/flows/{flow_id}/logs")).await;
    assert!(logs.to_string().contains("this does not work"), "{logs}");
    let few = json!({"artifacts": [{"artifact": "Test.OnServer"}], "max_logs": 2});
    let few = browser
        .call("POST", "clients/server/flows", Some(few))
        .await
        .json();
    let few = few["flow_id"].as_str().unwrap();
    ended(&browser, few).await;
    let logs = browser.get(&format!("clients/server/flows/{few}/logs")).await;
    assert_eq!(logs["total"], 3, "two, and that there were more: {logs}");
    let listed = browser.get("clients/server/flows?desc=false&sort=created").await;
    assert_eq!(listed["flows"][0]["flow_id"], json!(flow_id));
    assert_eq!(browser.get("clients").await["total"], 1, "it is no machine");
    let through_vql = json!({
        "vql": "SELECT collect_client(client_id='server', artifacts='Test.OnServer', env=dict(Count=1)).flow_id AS F FROM scope()"
    });
    let row = &lines(&browser, through_vql).await[1]["row"];
    assert_eq!(ended(&browser, row["F"].as_str().unwrap()).await["rows"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_on_the_server_are_refused_cancelled_and_ended_with_it() {
    let mut world = World::new().await;
    let server = world.server();
    server
        .put_user("collector", PASSWORD, &["investigator"])
        .await
        .unwrap();
    let browser = world.sign_in("tester").await;
    let collector = world.sign_in("collector").await;
    for (browser, artifact, status) in [(&collector, "Test.OnServer", 403), (&browser, "Test.Rows", 400)] {
        let request = json!({"artifacts": [{"artifact": artifact}]});
        let reply = browser.call("POST", "clients/server/flows", Some(request)).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    let flow_id = collect(&browser, "Test.Endless", json!({})).await;
    let listed = running(&browser).await;
    assert_eq!(
        (&listed[0]["query_id"], &listed[0]["vql"]),
        (&json!(flow_id), &json!("Test.Endless"))
    );
    let cancel = format!("clients/server/flows/{flow_id}/cancel");
    assert_eq!(collector.call("POST", &cancel, None).await.status, 403);
    assert_eq!(browser.call("POST", &cancel, None).await.status, 200);
    let flow = ended(&browser, &flow_id).await;
    assert_eq!(
        (&flow["state"], &flow["status"]),
        (&json!("cancelled"), &json!("Cancelled by tester"))
    );
    let ends = async { while !running(&browser).await.is_empty() {} };
    tokio::time::timeout(PATIENCE, ends)
        .await
        .expect("its query ends");
    let flow_id = collect(&browser, "Test.Endless", json!({})).await;
    let stop = format!("queries/{flow_id}");
    assert_eq!(browser.call("DELETE", &stop, None).await.status, 204);
    assert_eq!(ended(&browser, &flow_id).await["state"], "cancelled");
    let flow_id = collect(&browser, "Test.Endless", json!({})).await;
    world.stop().await;
    world.start().await;
    let browser = world.sign_in("tester").await;
    let flow = ended(&browser, &flow_id).await;
    assert_eq!(
        (&flow["state"], &flow["status"]),
        (&json!("error"), &json!("the server stops"))
    );
}
