//! A real agent and a real server: a file that a query uploads can be downloaded.

#![allow(clippy::unwrap_used)]

mod common;

use common::http::{Browser, PATIENCE};
use common::{PASSWORD, config};
use peregrine_agent::{AgentPaths, Ended, EngineRunner, HostFacts};
use peregrine_artifacts::Repository;
use peregrine_engine::{Cancellation, builtin};
use peregrine_server::{NoGui, Server, Storage};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// Repeats a request until the answer is as wanted.
async fn until(browser: &Browser, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let ask = async {
        loop {
            let answer = browser.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ask).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_a_collection_can_be_downloaded() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let storage = Storage::embedded(folder.path()).unwrap();
    let artifacts = Repository::with_compiled_in();
    let server = Server::start(
        config.clone(),
        storage,
        Arc::new(NoGui),
        artifacts,
        common::query_host(),
    )
    .await
    .unwrap();
    server
        .put_user("tester", PASSWORD, &["administrator"])
        .await
        .unwrap();

    let mut client = config.client.clone();
    client.server_urls = vec![format!("http://{}/", server.addresses().frontend)];
    let state = folder.path().join("agent");
    std::fs::create_dir(&state).unwrap();
    let paths = AgentPaths {
        writeback: state.join("writeback.yaml"),
        buffer: state.join("buffer.bin"),
        checkpoints: state.join("checkpoints"),
    };
    let registry = Arc::new(peregrine_functions::register(builtin::registry()));
    let runner = Arc::new(EngineRunner::new(registry, &client, |context| context));
    let stop = Cancellation::new();
    let token = stop.clone();
    let agent = std::thread::spawn(move || {
        peregrine_agent::run(client, &paths, runner, HostFacts::default(), &token)
    });

    let mut browser = Browser::new(server.addresses().gui);
    assert_eq!(browser.sign_in("tester", PASSWORD).await.status, 200);
    let clients = until(&browser, "clients", |answer| answer["total"] == 1).await;
    let id = clients["clients"][0]["client_id"].as_str().unwrap().to_owned();

    let content: Vec<u8> = (0..2_500_000_u32).map(|n| (n / 7 % 251) as u8).collect();
    let file = folder.path().join("evidence 1.bin");
    std::fs::write(&file, &content).unwrap();
    let query = format!(
        "SELECT upload(file='{}') AS Upload, upload(accessor='data', file='hello', name='../a.txt') AS Text FROM scope()",
        file.display()
    );
    let body = json!({"artifacts": [{"artifact": "Generic.Client.VQL", "parameters": {"Command": query}}]});
    let reply = browser
        .call("POST", &format!("clients/{id}/flows"), Some(body))
        .await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let path = format!("clients/{id}/flows/{}", reply.json()["flow_id"].as_str().unwrap());
    let flow = until(&browser, &path, |flow| {
        flow["state"] == "finished" || flow["state"] == "error"
    })
    .await;
    assert_eq!(
        (&flow["state"], &flow["uploaded_files"], &flow["uploaded_bytes"]),
        (&json!("finished"), &json!(2), &json!(2_500_005)),
        "{flow}"
    );
    assert_eq!(flow["uploads"][0]["path"], file.to_str().unwrap());
    assert_eq!(flow["uploads"][1]["path"], "../a.txt");
    for (number, expected) in [(0, content.as_slice()), (1, b"hello")] {
        let reply = browser
            .call("GET", &format!("{path}/uploads/{number}"), None)
            .await;
        assert!(reply.status == 200 && reply.body == expected, "upload {number}");
    }
    let rows = browser.get(&format!("{path}/results")).await;
    assert_eq!(rows["rows"][0][0]["StoredSize"], 2_500_000);

    stop.cancel();
    let ended = tokio::task::spawn_blocking(|| agent.join().unwrap())
        .await
        .unwrap();
    assert_eq!(ended.unwrap(), Ended::Stopped);
    server.shutdown().await;
}
