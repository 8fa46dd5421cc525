//! Writes the real server's answers for the GUI's mock server, so that the GUI is developed and tested against real data.
//! Ids and times are replaced by fixed ones, so that the files change only when an answer does.

use crate::common::http::Browser;
use crate::common::{PASSWORD, World};
use crate::thousand_rows;
use peregrine_services::clock;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Requests in groups, each of which becomes a file. `:id`, `:flow` and `:artifact` are replaced by existing ones; the
/// query string is not part of the method's name.
const QUESTIONS: &[(&str, &[(&str, &str)])] = &[
    ("session", &[("POST", "session"), ("GET", "session")]),
    (
        "clients",
        &[
            ("GET", "clients?limit=1"),
            ("GET", "clients/:id"),
            ("GET", "clients/:id/interrogation"),
            ("PUT", "clients/:id/labels"),
        ],
    ),
    (
        "flows",
        &[
            ("GET", "clients/:id/flows?limit=1"),
            ("GET", "clients/:id/flows/:flow"),
            ("POST", "clients/:id/flows/:flow/cancel"),
            ("GET", "clients/:id/process-tree?process=2&flow=:flow"),
        ],
    ),
    (
        "tables",
        &[
            ("GET", "clients/:id/flows/:flow/results?limit=2"),
            ("GET", "clients/:id/flows/:flow/results/facets?column=Odd"),
            ("GET", "clients/:id/flows/:flow/logs"),
            ("GET", "clients/:id/events"),
            ("GET", "clients/:id/events/:artifact?limit=2"),
            ("GET", "audit?limit=2"),
        ],
    ),
    (
        "artifacts",
        &[
            ("GET", "artifacts?search=Test.Rows"),
            ("GET", "artifacts/:artifact"),
            ("POST", "artifacts/compile"),
        ],
    ),
    (
        "monitoring",
        &[("GET", "monitoring/client"), ("PUT", "monitoring/client")],
    ),
    ("search", &[("GET", "search?q=rows&limit=1")]),
    ("status", &[("GET", "server/status")]),
    (
        "started",
        &[("POST", "clients/:id/flows"), ("POST", "clients/:id/interrogate")],
    ),
];

fn body(path: &str) -> Option<Value> {
    Some(match path {
        "session" => json!({"username": "tester", "password": PASSWORD}),
        "clients/:id/labels" => json!({"add": ["production"]}),
        "artifacts/compile" => {
            json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "2"}}], "timeout": 60})
        }
        "monitoring/client" => json!({
            "artifacts": [{"artifact": "Test.Events", "parameters": {"Count": "3"}}],
            "label_events": [{"label": "production", "artifacts": [{"artifact": "Test.Events"}]}],
        }),
        "clients/:id/flows" => {
            json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "2"}}]})
        }
        _ => return None,
    })
}

/// The answer, with fixed values for what differs from run to run.
fn stable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(match &*text {
            text if text.starts_with("C.") && text.len() == 18 => "C.0123456789abcdef".into(),
            text if text.starts_with("F.") && text != "F.Monitoring" => "F.D1FIXTURE0001".into(),
            text if text.starts_with("host-") => "host-0123".into(),
            text if clock::parse(text).is_some() => "2026-01-01T00:00:00Z".into(),
            _ => text,
        }),
        Value::Array(list) => list.into_iter().map(stable).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let value = match &*name {
                    "csrf_token" => json!("token"),
                    "path" if value.as_str().is_some_and(|path| !path.starts_with("/api/")) => {
                        json!("/var/lib/peregrine")
                    }
                    // It differs because an agent counts as connected for a while after its last request.
                    "online" => json!(true),
                    "connected_agents" => json!(1),
                    // What the server tells about the collections is stored at any time after they end.
                    "rows_stored" => json!(1004),
                    "host" => json!("server1"),
                    "free_bytes" => json!(412_000_000_000_u64),
                    "version" => json!("0.1.0"),
                    _ => stable(value),
                };
                (name, value)
            })
            .collect(),
        // The time at which a row arrived, in seconds.
        Value::Number(number) if number.is_f64() && number.as_f64() > Some(1e9) => json!(1_767_225_600.5),
        other => other,
    }
}

async fn answers(browser: &Browser, questions: &[(&str, &str)], ids: (&str, &str)) -> String {
    let mut answers = Map::new();
    for (method, path) in questions {
        let pattern = path.split('?').next().unwrap();
        let path = path
            .replace("events/:artifact", "events/Test.Events")
            .replace(":id", ids.0)
            .replace(":flow", ids.1)
            .replace(":artifact", "Test.Rows");
        let asked = if *method == "GET" { None } else { body(pattern) };
        let reply = browser.call(method, &path, asked).await;
        answers.insert(format!("{method} {pattern}"), stable(reply.json()));
    }
    serde_json::to_string_pretty(&answers).unwrap() + "\n"
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_of_the_gui_has_the_answers_of_this_server() {
    let world = World::new().await;
    let (agent, flow) = thousand_rows(&world).await;
    let process = json!({"Pid": 2, "Ppid": 1, "Name": "sh", "StartTime": "2026-01-01T00:00:00Z"}).to_string();
    let events = [json!({"Count": 1}).to_string()];
    agent
        .say(vec![
            agent.rows(&flow, "Test.Rows/Processes", 0, &[process]),
            agent.rows("F.Monitoring", "Test.Events", 0, &events),
            agent.log(&flow, 0, "starting query execution"),
        ])
        .await;
    let browser = world.sign_in("tester").await;
    browser.sees(&agent.id, true).await;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gui/mock/fixtures");
    for (area, questions) in QUESTIONS {
        let file = folder.join(format!("{area}.json"));
        let fresh = answers(&browser, questions, (&agent.id, &flow)).await;
        if std::env::var_os("UPDATE").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == fresh,
            "gui/mock/fixtures/{area}.json is stale: run `UPDATE=1 cargo test -p peregrine-server --test api fixtures` and commit the result"
        );
    }
}
