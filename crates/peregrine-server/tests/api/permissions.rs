//! Permissions, cross-site requests, and hidden secrets.

use crate::common::http::{self, Browser};
use crate::common::{PASSWORD, World};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn requests_from_other_sites_are_refused() {
    let world = World::new().await;
    let browser = world.sign_in("tester").await;
    let stolen = Browser {
        csrf: String::new(),
        ..browser.clone()
    };
    let reply = stolen.call("DELETE", "session", None).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (403, &json!("cross_site"))
    );
    let wrong = Browser {
        csrf: "x".repeat(browser.csrf.len()),
        ..browser.clone()
    };
    assert_eq!(wrong.call("DELETE", "session", None).await.status, 403);
    let mut request = Browser::new(world.server().addresses().gui).request(
        "POST",
        "session",
        Some(json!({"username": "tester", "password": PASSWORD})),
    );
    request
        .headers_mut()
        .insert("origin", "https://evil.example".parse().unwrap());
    assert_eq!(
        http::send(world.server().addresses().gui, request).await.status,
        403
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_reads_and_no_more() {
    let world = World::new().await;
    let agent = world.agent().await;
    let reader = world.sign_in("looker").await;
    let clients = reader.get("clients").await;
    assert_eq!(clients["total"], 1);
    let flows = format!("clients/{}/flows", agent.id);
    let refused = [
        (
            "POST",
            flows.as_str(),
            json!({"artifacts": [{"artifact": "Test.Rows"}]}),
        ),
        (
            "PUT",
            &format!("clients/{}/labels", agent.id),
            json!({"add": ["x"]}),
        ),
        ("PUT", "monitoring/client", json!({"artifacts": []})),
        ("POST", &format!("clients/{}/interrogate", agent.id), json!({})),
        ("GET", "audit", Value::Null),
    ];
    for (method, path, body) in refused {
        let reply = reader.call(method, path, Some(body)).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (403, &json!("permission_denied")),
            "{path}"
        );
    }
    assert_eq!(reader.get(&flows).await["total"], 1, "only the interrogation");
}

/// Every request that starts a query, with an artifact of our choice.
fn doors(client_id: &str, collected: &str, watched: &str) -> Vec<(&'static str, String, Value)> {
    let spec = |name: &str| json!([{"artifact": name}]);
    vec![
        (
            "POST",
            format!("clients/{client_id}/flows"),
            json!({"artifacts": spec(collected)}),
        ),
        (
            "POST",
            format!("clients/{client_id}/flows"),
            json!({"artifacts": [{"artifact": "Generic.Client.Info"}, {"artifact": collected}]}),
        ),
        (
            "PUT",
            "monitoring/client".into(),
            json!({"artifacts": spec(watched)}),
        ),
        (
            "PUT",
            "monitoring/client".into(),
            json!({"artifacts": [], "label_events": [{"label": "x", "artifacts": spec(watched)}]}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_a_source_is_no_way_around_permissions() {
    let world = World::new().await;
    let agent = world.agent().await;
    let put = async |name: &str, roles: &[&str]| {
        world.server().put_user(name, PASSWORD, roles).await.unwrap();
    };
    put("gatherer", &["investigator"]).await;
    let tried = [
        ("looker", "Generic.Client.VQL/", "Test.Watch/One"),
        ("looker", "Generic.Client.VQL", "Test.Watch"),
        ("looker", "Test.Rows/All", "Test.Events"),
        ("gatherer", "Test.Program/One", "Test.Watch/One"),
        ("gatherer", "Test.Program", "Test.Watch"),
    ];
    for (user, collected, watched) in tried {
        let browser = world.sign_in(user).await;
        for (method, path, body) in doors(&agent.id, collected, watched) {
            let reply = browser.call(method, &path, Some(body.clone())).await;
            assert_eq!(
                (reply.status, &reply.json()["error"]["code"]),
                (403, &json!("permission_denied")),
                "{user} {path} {body}"
            );
        }
    }
    let gatherer = world.sign_in("gatherer").await;
    let flows = format!("clients/{}/flows", agent.id);
    assert_eq!(gatherer.get(&flows).await["total"], 1, "only the interrogation");
    let body = json!({"artifacts": [{"artifact": "Test.Rows/All"}]});
    assert_eq!(gatherer.call("POST", &flows, Some(body)).await.status, 201);
    let looker = world.sign_in("looker").await;
    let path = format!("clients/{}/interrogate", agent.id);
    assert_eq!(looker.call("POST", &path, None).await.status, 403);
    let admin = world.sign_in("tester").await;
    for (method, path, body) in doors(&agent.id, "Test.Program/One", "Test.Watch/One") {
        let reply = admin.call(method, &path, Some(body)).await;
        assert!(reply.status < 300, "{path}: {}", reply.text());
    }
    for (method, path, body) in doors(&agent.id, "Test.Program/Three", "Test.Watch/") {
        let reply = admin.call(method, &path, Some(body)).await;
        assert_eq!(reply.status, 400, "{path}: {}", reply.text());
    }
    for (method, path, body) in doors(&agent.id, "Test.Watch/One", "Test.Program/One") {
        let reply = admin.call(method, &path, Some(body)).await;
        assert!(
            reply.status == 400 && reply.text().contains("is of type"),
            "{}",
            reply.text()
        );
    }
}

/// The bytes of all files below a folder, skipping those that vanish meanwhile.
fn stored_bytes(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => all.extend(stored_bytes(&entry.path())),
            _ => all.extend(std::fs::read(entry.path()).unwrap_or_default()),
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn redacted_parameters_reach_the_agent_and_nobody_else() {
    const SECRET: &str = "pa55-of-the-parameter";
    let mut world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flows = format!("clients/{}/flows", agent.id);
    let request = json!({"artifacts": [{"artifact": "Test.Program/One", "parameters": {"Key": SECRET, "Plain": "seen"}}]});
    let mut seen = String::new();
    let compiled = browser
        .call("POST", "artifacts/compile", Some(request.clone()))
        .await;
    assert_eq!(compiled.status, 200, "{}", compiled.text());
    seen += &compiled.text();
    let reply = browser.call("POST", &flows, Some(request)).await;
    let id = reply.json()["flow_id"].as_str().unwrap().to_owned();
    let shown = browser.get(&format!("{flows}/{id}")).await;
    assert_eq!(
        shown["request"]["artifacts"][0]["parameters"],
        json!({"Key": "XXXXX", "Plain": "seen"})
    );
    let again = browser.call("POST", &flows, Some(shown["request"].clone())).await;
    assert!(
        again.status == 400 && again.text().contains("type it again"),
        "a copy asks for what was hidden: {}",
        again.text()
    );
    let table =
        json!({"artifacts": [{"artifact": "Test.Events", "parameters": {"Key": SECRET, "Count": "3"}}]});
    let set = browser.call("PUT", "monitoring/client", Some(table)).await;
    assert_eq!(set.status, 200, "{}", set.text());
    let shown_table = browser.get("monitoring/client").await;
    assert_eq!(shown_table["artifacts"][0]["parameters"]["Key"], "XXXXX");
    seen += &shown.to_string();
    seen += &shown_table.to_string();
    seen += &set.text();
    seen += &browser.get("audit?sort=time&desc=true").await.to_string();
    seen += &browser.get("search?q=").await.to_string();
    seen += &browser.get(&flows).await.to_string();
    assert!(seen.contains("seen") && !seen.contains(SECRET), "{seen}");

    // A table that is read, edited and sent back keeps the hidden secret, also after a restart.
    let mut back = shown_table.clone();
    back["artifacts"][0]["parameters"]["Count"] = json!("4");
    assert_eq!(
        browser.call("PUT", "monitoring/client", Some(back)).await.status,
        200
    );
    world.stop().await;
    let bytes = stored_bytes(world.folder.path());
    assert!(
        !bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()),
        "the secret is in the data folder"
    );
    world.start().await;
    agent.address = world.frontend();
    let told = agent.poll().await;
    let value = |env: &[peregrine_proto::VqlEnv], key: &str| {
        let found = env.iter().find(|env| env.key == key);
        found.map(|env| env.value.clone()).unwrap_or_default()
    };
    let flow = told.iter().find(|message| message.session_id == id).unwrap();
    let actions = &flow.flow_request.as_ref().unwrap().vql_client_actions;
    assert_eq!(value(&actions[0].env, "Key"), SECRET);
    let event = &told
        .iter()
        .find_map(|message| message.update_event_table.as_ref())
        .unwrap()
        .event[0];
    assert_eq!(
        (value(&event.env, "Key"), value(&event.env, "Count")),
        (SECRET.to_owned(), "4".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_with_the_permission_to_read() {
    let world = World::new().await;
    let agent = world.agent().await;
    let topics = format!("client:{}", agent.id);
    let (looker, tester) = (world.sign_in("looker").await, world.sign_in("tester").await);
    let (lost, kept) = (looker.watch(&topics).await, tester.watch(&topics).await);
    let accounts = peregrine_server::Accounts::open(
        world.folder.path(),
        peregrine_server::Storage::embedded_database(world.folder.path()),
    )
    .unwrap();
    accounts.set_roles("looker", &[]).await.unwrap();
    lost.rest().await;
    let reply = tester
        .call(
            "PUT",
            &format!("clients/{}/labels", agent.id),
            Some(json!({"add": ["still"]})),
        )
        .await;
    assert_eq!(reply.status, 200);
    let mut kept = kept;
    kept.until("still").await;
}
