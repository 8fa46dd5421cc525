//! Clients and their collections.

use crate::common::World;
use crate::common::http::Browser;
use peregrine_proto::VeloMessage;
use peregrine_proto::velo_status::ReturnedStatus;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_found_and_labelled() {
    let world = World::new().await;
    let (one, two) = (world.agent().await, world.agent().await);
    let browser = world.sign_in("tester").await;
    let _open = (one.wait().await, two.wait().await);
    let labels = format!("clients/{}/labels", one.id);
    let client = browser
        .call(
            "PUT",
            &labels,
            Some(json!({"add": ["Servers"], "remove": ["from-agent"]})),
        )
        .await
        .json();
    assert_eq!(client["labels"], json!(["Servers"]));
    let found = async |query: &str| {
        let found = browser.get(&format!("clients?{query}")).await;
        let ids: Vec<String> = found["clients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["client_id"].as_str().unwrap().into())
            .collect();
        assert_eq!(found["total"], ids.len());
        ids
    };
    for agent in [&one, &two] {
        browser.sees(&agent.id, true).await;
    }
    assert_eq!(found("search=").await.len(), 2);
    assert_eq!(found("search=label:serv").await, [&*one.id]);
    assert_eq!(found("search=label:from-agent").await, [&*two.id]);
    assert_eq!(found(&format!("search={}", one.id)).await, [&*one.id]);
    assert_eq!(found(&format!("search=host-{}", &two.id[2..6])).await, [&*two.id]);
    assert_eq!(found("search=mac:aa:bb*").await.len(), 2);
    assert_eq!(found("online=true").await.len(), 2);
    assert_eq!(found("online=false").await.len(), 0);
    let palette = browser.get("search?q=rows").await;
    assert_eq!(palette["artifacts"][0]["name"], "Test.Rows");
    let palette = browser.get("search?q=no:such").await;
    assert_eq!(
        palette["clients"],
        json!([]),
        "words need not be searches for clients"
    );
    assert_eq!(browser.call("GET", "clients/C.nothere", None).await.status, 404);
    assert_eq!(
        browser.call("GET", "clients?sort=nonsense", None).await.status,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_are_continued_and_wrong_ones_are_explained() {
    let world = World::new().await;
    let (one, two) = (world.agent().await, world.agent().await);
    let (browser, looker) = (world.sign_in("tester").await, world.sign_in("looker").await);
    let labels = json!({"add": ["Prod", "Quarantine"], "remove": ["from-agent"]});
    let path = format!("clients/{}/labels", one.id);
    browser.call("PUT", &path, Some(labels)).await;
    let suggested = async |search: &str| {
        browser.get(&format!("clients/suggestions?search={search}")).await["suggestions"].clone()
    };
    assert_eq!(
        suggested("label:").await,
        json!(["label:from-agent", "label:prod", "label:quarantine", "label:none"])
    );
    assert_eq!(suggested("pro").await, json!(["label:prod"]));
    assert_eq!(suggested("dup").await, json!(["duplicate:"]));
    assert_eq!(
        suggested("duplicate:").await,
        json!(["duplicate:host", "duplicate:mac"])
    );
    assert_eq!(suggested(&two.id).await, json!([two.id]));
    let host = format!("host-{}", &one.id[2..6]);
    let hosts = suggested(&host).await;
    assert!(
        hosts[0].as_str().unwrap().starts_with(&format!("host:{host}")),
        "{hosts}"
    );

    let quarantined = browser.get("clients?search=label:quarantine").await;
    assert_eq!(quarantined["clients"][0]["labels"], json!(["Prod", "Quarantine"]));

    for (search, reason) in [
        ("hots:x", "did you mean `host`?"),
        ("host:/(/", "is not usable"),
        ("recent:x", "leave `x` out"),
    ] {
        let refused = browser
            .call("GET", &format!("clients?search={search}"), None)
            .await;
        assert_eq!(refused.status, 400, "{search}");
        assert!(refused.text().contains(reason), "{search}: {}", refused.text());
    }

    let recent = async |browser: &Browser| {
        let found = browser.get("clients?search=recent:").await;
        let found = found["clients"].as_array().unwrap().iter();
        found
            .map(|client| client["client_id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(recent(&looker).await.is_empty());
    for id in [&two.id, &one.id, &one.id] {
        looker.get(&format!("clients/{id}")).await;
    }
    assert_eq!(recent(&looker).await, [&*one.id, &*two.id]);
    looker.get(&format!("clients/{}", two.id)).await;
    assert_eq!(recent(&looker).await, [&*two.id, &*one.id]);
    assert!(recent(&browser).await.is_empty(), "somebody else opened none");
}

#[tokio::test(flavor = "multi_thread")]
async fn favourites_belong_to_who_keeps_them() {
    let world = World::new().await;
    let (browser, looker) = (world.sign_in("tester").await, world.sign_in("looker").await);
    let favourite = |name: &str, artifact: &str| json!({"name": name, "description": "", "spec": [{"artifact": artifact, "parameters": {}}], "type": "CLIENT"});
    for (name, artifact) in [("a/b", "One"), ("c", "One"), ("a/b", "Two")] {
        let saved = looker
            .call("PUT", "favorites", Some(favourite(name, artifact)))
            .await;
        assert_eq!((saved.status, saved.json()), (200, favourite(name, artifact)));
    }
    assert_eq!(
        looker.get("favorites").await["favorites"],
        json!([favourite("a/b", "Two"), favourite("c", "One")])
    );
    assert_eq!(browser.get("favorites").await["favorites"], json!([]));
    assert_eq!(
        browser.call("DELETE", "favorites/client/c", None).await.status,
        404
    );
    for (body, reason) in [
        (
            json!({"name": " ", "spec": [{"artifact": "A"}], "type": "CLIENT"}),
            "must not be empty",
        ),
        (
            json!({"name": "x", "spec": [], "type": "CLIENT"}),
            "at least one artifact",
        ),
        (
            json!({"name": "x", "spec": [{"artifact": "A"}], "type": "HUNT"}),
            "not `HUNT`",
        ),
    ] {
        let refused = looker.call("PUT", "favorites", Some(body)).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(reason), "{}", refused.text());
    }
    let large = json!({"name": "x", "spec": [{"artifact": "A", "parameters": {"B": "x".repeat(70_000)}}], "type": "CLIENT"});
    assert_eq!(looker.call("PUT", "favorites", Some(large)).await.status, 422);
    assert_eq!(
        looker.call("DELETE", "favorites/client/a%2Fb", None).await.status,
        204
    );
    assert_eq!(
        looker.get("favorites").await["favorites"],
        json!([favourite("c", "One")])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_client_leaves_nothing_and_its_agent_comes_back_as_a_new_one() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let other = world.agent().await;
    let browser = world.sign_in("tester").await;
    let client = format!("clients/{}", agent.id);
    let change = json!({"add": ["old"]});
    browser
        .call("PUT", &format!("{client}/labels"), Some(change))
        .await;
    assert_eq!(browser.get("clients?search=label:old").await["total"], 1);

    let refused = world.sign_in("looker").await.call("DELETE", &client, None).await;
    assert_eq!(refused.status, 403);
    assert_eq!(browser.call("DELETE", &client, None).await.status, 204);
    assert_eq!(browser.call("GET", &client, None).await.status, 404);
    assert_eq!(browser.call("DELETE", &client, None).await.status, 404);
    assert_eq!(browser.get("clients?search=label:old").await["total"], 0);
    let left = browser.get("clients").await;
    assert_eq!(left["clients"][0]["client_id"], *other.id);

    agent.enrol().await;
    agent.settle_in().await;
    let back = browser.get(&client).await;
    assert_eq!(back["labels"], json!(["from-agent"]), "{back}");
    let flows = browser.get(&format!("{client}/flows")).await;
    assert_eq!(flows["total"], 1, "only its new interrogation: {flows}");
    let audit = browser.get("audit").await.to_string();
    assert!(audit.contains("client_delete"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_is_told_to_end_once() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let kill = format!("clients/{}/kill", agent.id);
    assert_eq!(browser.call("POST", &kill, None).await.status, 204);
    let told = |messages: &[VeloMessage]| {
        let kills = messages.iter().filter(|message| message.kill_kill_kill.is_some());
        kills.count()
    };
    assert_eq!(told(&agent.poll().await), 1);
    assert_eq!(told(&agent.poll().await), 0, "it would end again when it is back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_seen_from_start_to_end() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let mut watch = browser.watch(&format!("clients,flows:{}", agent.id)).await;
    let flows = format!("clients/{}/flows", agent.id);
    let bad = json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "many"}}]});
    let reply = browser.call("POST", &flows, Some(bad)).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (400, &json!("bad_parameter"))
    );
    assert_eq!(reply.json()["error"]["detail"]["parameter"], "Count");
    for (artifact, part) in [
        ("No.Such", "artifact `No.Such` not found"),
        ("Linux.Events.TrackProcesses", "CLIENT_EVENT"),
    ] {
        let reply = browser
            .call(
                "POST",
                &flows,
                Some(json!({"artifacts": [{"artifact": artifact}]})),
            )
            .await;
        assert!(
            reply.status == 400 && reply.text().contains(part),
            "{}",
            reply.text()
        );
    }
    let request =
        json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "2"}}], "timeout": 60});
    let compiled = browser
        .call("POST", "artifacts/compile", Some(request.clone()))
        .await
        .json();
    assert_eq!(compiled["requests"][0]["env"], json!({"Count": "2"}));
    assert!(
        compiled["equivalent_vql"]
            .as_str()
            .unwrap()
            .contains("artifacts=['Test.Rows']")
    );

    let id = browser.call("POST", &flows, Some(request)).await.json()["flow_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = watch.until(&id).await;
    assert!(made.contains("event: flow") && made.contains("id: "), "{made}");
    let mut detail = browser.watch(&format!("flow:{}/{id}", agent.id)).await;
    agent.poll().await;
    agent
        .say(vec![agent.rows(
            &id,
            "Test.Rows/All",
            0,
            &["{}".into(), "{}".into()],
        )])
        .await;
    let rows = detail.until("\"total_rows\":2").await;
    assert!(rows.contains("event: rows"), "{rows}");
    agent
        .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    watch.until("\"state\":\"finished\"").await;

    let listed = browser
        .get(&format!("{flows}?search=test.rows&sort=rows&desc=true"))
        .await;
    assert_eq!(
        (&listed["total"], &listed["flows"][0]["flow_id"]),
        (&json!(1), &json!(id))
    );
    let shown = browser.get(&format!("{flows}/{id}")).await;
    assert_eq!(shown["request"]["artifacts"][0]["parameters"]["Count"], "2");
    assert_eq!(shown["limits"]["timeout"], 60);
    assert_eq!(shown["query_stats"].as_array().unwrap().len(), 1);
    assert_eq!(
        browser
            .call("DELETE", &format!("{flows}/{id}"), None)
            .await
            .status,
        204
    );
    assert_eq!(
        browser.call("GET", &format!("{flows}/{id}"), None).await.status,
        404
    );
    let audit = browser.get("audit?sort=time&desc=true").await;
    let text = audit["rows"].to_string();
    assert!(
        ["ScheduleFlow", "delete_flow", "Login", "user_create"]
            .iter()
            .all(|name| text.contains(name)),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_without_limits_gets_those_of_the_configuration() {
    let world = World::with(|config| config.defaults.collection_max_rows = 77).await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flows = format!("clients/{}/flows", agent.id);
    let mut start = async |limits: Value| {
        let mut body = json!({"artifacts": [{"artifact": "Test.Rows"}]});
        body.as_object_mut()
            .unwrap()
            .extend(limits.as_object().unwrap().clone());
        let reply = browser.call("POST", &flows, Some(body)).await;
        let id = reply.json()["flow_id"].as_str().unwrap().to_owned();
        let told = agent.poll().await;
        let message = told.into_iter().find(|message| message.session_id == id).unwrap();
        let request = message.flow_request.unwrap();
        let limits = browser.get(&format!("{flows}/{id}")).await["limits"].clone();
        let sent = (
            request.vql_client_actions[0].timeout,
            request.max_rows,
            request.max_upload_bytes,
        );
        let shown = |name: &str| limits[name].as_u64().unwrap();
        assert_eq!(
            sent,
            (shown("timeout"), shown("max_rows"), shown("max_upload_bytes")),
            "what is shown is what holds"
        );
        sent
    };
    assert_eq!(start(json!({})).await, (600, 77, 1 << 30));
    assert_eq!(
        start(json!({"timeout": 5, "max_rows": 1_000_000_000_000u64, "max_upload_bytes": 9})).await,
        (5, 1_000_000_000_000, 9)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_online_as_long_as_its_connection_is_there() {
    let world = World::with(|config| config.client.max_poll = 300).await;
    let agent = world.agent().await;
    let browser = world.sign_in("looker").await;
    let open = agent.wait().await;
    browser.sees(&agent.id, true).await;
    drop(open);
    browser.sees(&agent.id, false).await;
    assert_eq!(browser.get("clients?online=true").await["total"], 0);
    let _open = agent.wait().await;
    browser.sees(&agent.id, true).await;
}
