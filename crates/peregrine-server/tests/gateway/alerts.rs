//! Alerts that agents raise.

use crate::common::World;
use crate::common::agent::Agent;
use crate::{collect, flow};
use peregrine_proto::{LogMessage, VeloMessage};
use peregrine_wire::ids;
use serde_json::{Value, json};

/// A line as agents write it, with its line end.
fn line(level: &str, message: &str) -> String {
    let line = json!({"client_time": 1_700_000_000, "level": level, "message": message});
    format!("{line}\n")
}

fn log(session: &str, id: i64, level: &str, lines: &[String], artifact: &str) -> VeloMessage {
    VeloMessage {
        session_id: session.into(),
        request_id: ids::request::LOG,
        log_message: Some(LogMessage {
            id,
            number_of_rows: lines.len() as u64,
            jsonl: lines.concat(),
            level: level.into(),
            artifact: artifact.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn alert(name: &str) -> String {
    let text = json!({"name": name, "timestamp": "2024-01-01T00:00:00Z", "event_data": {"b": 1, "a": name}});
    line("ALERT", &text.to_string())
}

/// The stored alerts, each as a record.
async fn alerts(world: &World) -> Vec<Value> {
    let browser = world.sign_in("tester").await;
    let page = browser
        .get("clients/server/events/Server.Internal.Alerts?limit=100")
        .await;
    let names = page["columns"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|column| column["name"].as_str().unwrap()).collect();
    let rows = page["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let cells = names.iter().zip(row.as_array().unwrap());
        Value::Object(
            cells
                .map(|(name, cell)| ((*name).to_owned(), cell.clone()))
                .collect(),
        )
    })
    .collect()
}

async fn twice(agent: &Agent, messages: Vec<VeloMessage>) {
    agent.say(messages.clone()).await;
    agent.say(messages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_a_collection_are_told_once_in_whatever_form_they_come() {
    let world = World::new().await;
    let agent = world.agent().await;
    let id = collect(&world, &agent).await;
    let hidden = agent.names.hide("Test.Rows").unwrap();
    let lines = [
        line("INFO", "an \"ALERT\" is something else"),
        alert(&format!("among others in {hidden}")),
        line("ALERT", "only text"),
        line("DEBUG", "{\"level\":\"ALERT\"}"),
    ];
    twice(&agent, vec![log(&id, 0, "", &lines, "")]).await;
    // As this product's agents send them, with a number, and as others do, without.
    twice(&agent, vec![log(&id, 4, "ALERT", &[alert("numbered")], "")]).await;
    agent
        .say(vec![log(&id, 5, "", &[line("INFO", "next")], "")])
        .await;
    twice(&agent, vec![log(&id, 0, "ALERT", &[alert("unnumbered")], "")]).await;

    let found = alerts(&world).await;
    let names: Vec<_> = found
        .iter()
        .map(|alert| alert["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["among others in Test.Rows", "only text", "numbered", "unnumbered"]
    );
    let first = &found[0];
    assert_eq!(first["client_id"], agent.id.as_str());
    assert_eq!(first["flow_id"], id.as_str());
    assert_eq!(first["timestamp"], "2024-01-01T00:00:00Z");
    assert_eq!(first["event_data"]["b"], 1);
    assert_eq!(
        (&first["assigned_user"], &first["actioned"]),
        (&json!(""), &json!(false))
    );
    let view = flow(&world, &agent, &id).await;
    assert_eq!(
        view["logs"], 8,
        "six numbered lines, and the one without a number twice"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_of_event_queries_name_their_artifact_and_are_each_clients_own() {
    let world = World::new().await;
    let (one, other) = (world.agent().await, world.agent().await);
    for agent in [&one, &other] {
        let artifact = agent.names.hide("Test.Events").unwrap();
        let message = log(ids::MONITORING, 3, "ALERT", &[alert("same")], &artifact);
        twice(agent, vec![message]).await;
        let unknown = agent.names.hide("Test.Unknown").unwrap();
        agent
            .say(vec![log(ids::MONITORING, 0, "ALERT", &[alert("no")], &unknown)])
            .await;
    }
    let found = alerts(&world).await;
    let clients: Vec<_> = found.iter().map(|alert| &alert["client_id"]).collect();
    assert_eq!(clients, [one.id.as_str(), other.id.as_str()]);
    for alert in &found {
        assert_eq!(alert["artifact"], "Test.Events");
        assert_eq!(alert["artifact_type"], "CLIENT_EVENT");
        assert_eq!((&alert["name"], &alert["flow_id"]), (&json!("same"), &json!("")));
    }
}
