//! People and browsers talk to a real server over HTTP.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "api/moments.rs"]
mod moments;
#[path = "api/plain_http.rs"]
mod plain_http;
#[path = "api/stopped.rs"]
mod stopped;

use common::agent::Agent;
use common::http::{self, Browser, encode};
use common::{PASSWORD, World};
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_server::{Accounts, NoGui, Role, Server, Storage};
use peregrine_store::{FolderObjects, LocalBus, SettingStore, SqliteDatabase};
use serde_json::{Value, json};
use std::io::Read;
use std::sync::Arc;

/// A finished flow with a thousand rows in several chunks.
async fn thousand_rows(world: &World) -> (Agent, String) {
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let body = json!({"artifacts": [{"artifact": "Test.Rows"}], "timeout": 30, "max_rows": 5000});
    let reply = browser
        .call("POST", &format!("clients/{}/flows", agent.id), Some(body))
        .await;
    let id = reply.json()["flow_id"].as_str().unwrap().to_owned();
    agent.poll().await;
    for start in (0..1000).step_by(100) {
        let rows: Vec<String> = (start..start + 100)
            .map(|n: u64| {
                json!({"n": n, "Name": format!("name {}", n % 7), "When": "2026-01-01T00:00:00Z", "Odd": n % 2 == 1})
                    .to_string()
            })
            .collect();
        agent
            .say(vec![agent.rows(&id, "Test.Rows/All", start, &rows)])
            .await;
    }
    agent
        .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    (agent, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_an_administrator_once() {
    let mut world = World::new().await;
    let admin = world.server().initial_admin().unwrap().clone();
    assert!(admin.password.len() >= 20);
    let mut browser = Browser::new(world.server().addresses().gui);
    assert_eq!(browser.sign_in(&admin.name, &admin.password).await.status, 200);
    world.stop().await;
    world.start().await;
    assert!(world.server().initial_admin().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out() {
    let world = World::new().await;
    let address = world.server().addresses().gui;
    let mut browser = Browser::new(address);
    assert_eq!(browser.call("GET", "session", None).await.status, 401);
    let reply = browser.sign_in("TESTER", PASSWORD).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let session = browser.get("session").await;
    assert_eq!(session["user"]["name"], "tester");
    assert!(
        session["user"]["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("COLLECT_CLIENT"))
    );
    assert_eq!(session["csrf_token"], browser.csrf.as_str());

    let weak = json!({"current": PASSWORD, "new": "short"});
    let reply = browser.call("PUT", "session/password", Some(weak)).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (400, &json!("weak_password"))
    );
    let mistyped = json!({"current": "not it", "new": "another long password"});
    let reply = browser.call("PUT", "session/password", Some(mistyped)).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (403, &json!("wrong_password")),
        "401 would mean that nobody is signed in"
    );
    browser.get("session").await;
    let other = world.sign_in("tester").await;
    let new = json!({"current": PASSWORD, "new": "another long password"});
    assert_eq!(
        browser.call("PUT", "session/password", Some(new)).await.status,
        204
    );
    assert_eq!(
        other.call("GET", "session", None).await.status,
        401,
        "other sessions end"
    );
    browser.get("session").await;
    assert_eq!(browser.call("DELETE", "session", None).await.status, 204);
    assert_eq!(browser.call("GET", "session", None).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_throttled() {
    let world = World::new().await;
    let mut browser = Browser::new(world.server().addresses().gui);
    for attempt in 0..5 {
        let reply = browser.sign_in("tester", "wrong").await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (401, &json!("bad_credentials")),
            "{attempt}"
        );
    }
    let reply = browser.sign_in("tester", PASSWORD).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (429, &json!("throttled"))
    );
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(
        browser.sign_in("looker", PASSWORD).await.status,
        200,
        "others are not affected"
    );
    assert_eq!(browser.sign_in("nobody", "wrong").await.status, 401);
}

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
    assert_eq!(browser.call("GET", "clients/C.nothere", None).await.status, 404);
    assert_eq!(
        browser.call("GET", "clients?sort=nonsense", None).await.status,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_paged_filtered_sorted_and_counted_on_the_server() {
    let world = World::new().await;
    let (agent, id) = thousand_rows(&world).await;
    let browser = world.sign_in("looker").await;
    let base = format!("clients/{}/flows/{id}/results", agent.id);
    let page = browser
        .get(&format!("{base}?source=Test.Rows/All&offset=995&limit=200"))
        .await;
    assert_eq!(
        (&page["total"], page["rows"].as_array().unwrap().len()),
        (&json!(1000), 5)
    );
    assert_eq!(page["columns"][0], json!({"name": "n", "type": "number"}));
    assert_eq!(page["columns"][2], json!({"name": "When", "type": "timestamp"}));

    let filter =
        encode(r#"[{"column":"Name","op":"eq","value":"name 3"},{"column":"n","op":"ge","value":500}]"#);
    let page = browser
        .get(&format!("{base}?filter={filter}&sort=n&desc=true&limit=2"))
        .await;
    assert_eq!(page["total"], 72);
    assert_eq!(
        (&page["rows"][0][0], &page["rows"][1][0]),
        (&json!(997), &json!(990))
    );
    let next = browser
        .get(&format!(
            "{base}?filter={filter}&sort=n&desc=true&limit=2&offset=2"
        ))
        .await;
    assert_eq!(next["rows"][0][0], 983);
    let any = encode(r#"[{"column":"*","op":"contains","value":"NAME 6"}]"#);
    assert_eq!(browser.get(&format!("{base}?filter={any}")).await["total"], 142);

    let facets = browser
        .get(&format!("{base}/facets?column=Name&filter={filter}"))
        .await;
    assert_eq!((&facets["distinct"], &facets["total"]), (&json!(1), &json!(72)));
    let facets = browser.get(&format!("{base}/facets?column=Odd")).await;
    assert_eq!(
        facets["values"],
        json!([{"value": false, "count": 500}, {"value": true, "count": 500}])
    );
    for bad in ["filter=nonsense", "limit=1000000", "offset=-1"] {
        assert_eq!(
            browser.call("GET", &format!("{base}?{bad}"), None).await.status,
            400,
            "{bad}"
        );
    }
    assert_eq!(browser.get(&format!("{base}?source=No/Such")).await["total"], 0);
    assert_eq!(
        browser
            .call("GET", "clients/C.1/flows/F.1/results", None)
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_exported_whole() {
    let world = World::new().await;
    let (agent, id) = thousand_rows(&world).await;
    let browser = world.sign_in("tester").await;
    let base = format!(
        "clients/{}/flows/{id}/results/export?source=Test.Rows/All",
        agent.id
    );
    let csv = browser.call("GET", &format!("{base}&format=csv"), None).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    assert!(
        csv.headers["content-disposition"]
            .to_str()
            .unwrap()
            .ends_with(".csv\"")
    );
    let text = csv.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[4]),
        (1001, "n,Name,When,Odd", "3,name 3,2026-01-01T00:00:00Z,true")
    );
    let json: Value = browser
        .call("GET", &format!("{base}&format=json&columns=Name,n"), None)
        .await
        .json();
    assert_eq!(json.as_array().unwrap().len(), 1000);
    assert_eq!(
        json[999].to_string(),
        r#"{"Name":"name 5","n":999}"#,
        "in the order asked for"
    );
    let filter = encode(r#"[{"column":"n","op":"lt","value":3}]"#);
    let jsonl = browser
        .call("GET", &format!("{base}&format=jsonl&filter={filter}"), None)
        .await
        .text();
    assert_eq!(jsonl.lines().count(), 3);
    assert_eq!(
        browser
            .call("GET", &format!("{base}&format=exe"), None)
            .await
            .status,
        400
    );
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
        ("No.Such", "no artifact"),
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
async fn a_process_family_is_built_from_stored_rows() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let body = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    let flows = format!("clients/{}/flows", agent.id);
    let id = browser.call("POST", &flows, Some(body)).await.json()["flow_id"]
        .as_str()
        .unwrap()
        .to_owned();
    agent.poll().await;
    let row = |pid: i64, ppid: i64| {
        json!({"Pid": pid, "Ppid": ppid, "Name": "x", "StartTime": format!("2026-01-01T00:00:{pid:02}Z")})
            .to_string()
    };
    agent
        .say(vec![agent.rows(
            &id,
            "Test.Rows/All",
            0,
            &[row(1, 0), row(2, 1), row(3, 2), row(4, 1), row(9, 8)],
        )])
        .await;
    let tree = browser
        .get(&format!("clients/{}/process-tree?process=3&flow={id}", agent.id))
        .await;
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(tree["root"], "1@2026-01-01T00:00:01Z");
    let missing = browser
        .call(
            "GET",
            &format!("clients/{}/process-tree?process=77&flow={id}", agent.id),
            None,
        )
        .await;
    assert_eq!(missing.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gui_comes_with_safe_headers() {
    let world = World::new().await;
    let address = world.server().addresses().gui;
    for path in ["/", "/clients/C.1/collections", "/artifacts/Linux.Sys.Pslist"] {
        let reply = http::get(address, path).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "<!doctype html>"),
            "{path}"
        );
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    }
    let asset = http::get(address, "/assets/app-1234.js").await;
    assert!(
        asset.headers["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(http::get(address, "/assets/missing.js").await.status, 404);
    assert_eq!(http::get(address, "/../server.config.yaml").await.status, 404);
    for path in [
        "/api/v1/nothing",
        "/api/v1/clients/C.1/nothing/at/all",
        "/api/v1/%7Bx%7D",
    ] {
        let api = http::get(address, path).await;
        assert_eq!(
            (api.status, &api.json()["error"]["code"]),
            (404, &json!("not_found"))
        );
        assert_eq!(
            api.json()["error"]["message"],
            format!("no API path `{path}`; the documentation lists those there are")
        );
    }
    let wrong = http::post(address, "/api/v1/clients", Vec::new()).await;
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["code"]),
        (405, &json!("method_not_allowed"))
    );
    assert_eq!(http::get(world.frontend(), "/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_reconnects_misses_nothing_or_is_told_to_refetch() {
    let world = World::new().await;
    let agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let topics = format!("client:{}", agent.id);
    let label = async |name: &str| {
        let path = format!("clients/{}/labels", agent.id);
        assert_eq!(
            browser
                .call("PUT", &path, Some(json!({"add": [name]})))
                .await
                .status,
            200
        );
    };
    let mut watch = browser.watch(&topics).await;
    label("one").await;
    let text = watch.until("\"one\"").await;
    let last = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("id: "))
        .unwrap()
        .to_owned();
    drop(watch);
    label("two").await;
    let mut back = browser.watch_after(&topics, &last).await;
    let caught_up = back.until("\"two\"").await;
    assert!(!caught_up.contains("resync"), "{caught_up}");
    let mut strange = browser.watch_after(&topics, "12345").await;
    strange.until("event: resync").await;
}

/// Every door that starts a query, with an artifact of our choice.
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

/// Every file below the folder, as far as it is there.
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

    // A table that was shown and sent back still has what was hidden, also after a restart.
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
async fn guesses_at_once_are_counted_before_they_are_looked_at() {
    let mut world = World::new().await;
    let address = world.server().addresses().gui;
    let guesses: Vec<_> = (0..60)
        .map(|n| {
            tokio::spawn(async move {
                let reply = Browser::new(address)
                    .sign_in("tester", &format!("guess {n}"))
                    .await;
                reply.status
            })
        })
        .collect();
    let mut looked_at = 0;
    for guess in guesses {
        match guess.await.unwrap() {
            401 => looked_at += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!(
        (5..12).contains(&looked_at),
        "{looked_at} of 60; after five, each failure doubles the wait"
    );
    let mut looked_at = 0;
    for n in 0..40 {
        let reply = Browser::new(address).sign_in(&format!("user{n}"), "guess").await;
        looked_at += u32::from(reply.status == 401);
    }
    assert!(
        (1..30).contains(&looked_at),
        "{looked_at} of 40 names from one address"
    );
    world.stop().await;
    world.start().await;
    let audit = world.sign_in("tester").await.get("audit?limit=500").await;
    let failures: Vec<String> = audit["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .filter(|row| {
            [
                "Invalid password",
                "Unknown username",
                "Sign-in refused",
                "Failed sign-ins",
            ]
            .iter()
            .any(|name| row.contains(name))
        })
        .collect();
    assert!(
        (2..=6).contains(&failures.len()),
        "a hundred failures are a few lines: {failures:#?}"
    );
    assert!(
        failures.iter().any(|row| row.contains("\"refused\"")),
        "{failures:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_online_as_long_as_its_connection_is_there() {
    let world = World::with(|config| config.client.max_poll = 300).await;
    let agent = world.agent().await;
    let browser = world.sign_in("looker").await;
    let client = format!("clients/{}", agent.id);
    let open = agent.wait().await;
    assert_eq!(browser.get(&client).await["online"], true);
    drop(open);
    let offline = async { while browser.get(&client).await["online"] == true {} };
    tokio::time::timeout(http::PATIENCE, offline)
        .await
        .expect("it left");
    assert_eq!(browser.get("clients?online=true").await["total"], 0);
    let _open = agent.wait().await;
    assert_eq!(browser.get(&client).await["online"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_lets_people_in_to_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let config = common::config(folder.path());
    let database = Arc::new(SqliteDatabase::open(&folder.path().join("peregrine.db")).unwrap());
    let objects = Arc::new(FolderObjects::open(folder.path()).unwrap());
    let bus = Arc::new(LocalBus::new());
    let storage = Storage::new(database.clone(), objects, bus, folder.path().to_owned());
    let server = Server::start(config.clone(), storage, Arc::new(NoGui), common::artifacts())
        .await
        .unwrap();
    server
        .put_user("tester", PASSWORD, &["administrator"])
        .await
        .unwrap();
    let mut agent = Agent::new(server.addresses().frontend, &config).await;
    agent.enrol().await;
    agent.settle_in().await;
    let mut browser = Browser::new(server.addresses().gui);
    assert_eq!(browser.sign_in("tester", PASSWORD).await.status, 200);
    let flows = format!("clients/{}/flows", agent.id);
    let body = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    let reply = browser.call("POST", &flows, Some(body.clone())).await;
    let id = reply.json()["flow_id"].as_str().unwrap().to_owned();

    database.limit_pages(1).await.unwrap();
    let mut length = 8192;
    for n in 0.. {
        if database
            .set_setting(&format!("noise {n}"), &"x".repeat(length))
            .await
            .is_err()
        {
            length /= 2;
            if length == 0 {
                break;
            }
        }
    }
    // Some still fit into pages that have room.
    let mut inside = Vec::new();
    for _ in 0..60 {
        let mut browser = Browser::new(server.addresses().gui);
        assert_eq!(browser.sign_in("tester", PASSWORD).await.status, 200);
        browser.get("session").await;
        inside.push(browser);
    }
    // Who owns the data folder gives a new password: every session ends, wherever it is kept.
    let accounts = Accounts::open(folder.path()).unwrap();
    let fresh = "a fresh long phrase";
    accounts.set_password("tester", fresh).await.unwrap();
    for browser in inside {
        assert_eq!(browser.call("GET", "session", None).await.status, 401);
    }
    let mut kept_in_memory = Browser::new(server.addresses().gui);
    for _ in 0..60 {
        assert_eq!(kept_in_memory.sign_in("tester", fresh).await.status, 200);
        kept_in_memory.get("session").await;
    }
    let refused = kept_in_memory.call("POST", &flows, Some(json!({"artifacts": [{"artifact": "Generic.Client.VQL", "parameters": {"Command": "x".repeat(8192)}}]}))).await;
    assert_eq!(refused.status, 507, "{}", refused.text());
    let deleted = kept_in_memory
        .call("DELETE", &format!("{flows}/{id}"), None)
        .await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    assert_eq!(kept_in_memory.call("DELETE", "session", None).await.status, 204);
    assert_eq!(kept_in_memory.call("GET", "session", None).await.status, 401);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_but_not_those_with_secrets() {
    let world = World::new().await;
    let (agent, id) = thousand_rows(&world).await;
    let browser = world.sign_in("tester").await;
    let get = async |path: &str, accepted: &str| {
        let mut request = browser.request("GET", path, None);
        let accepted = accepted.parse().unwrap();
        request.headers_mut().insert("accept-encoding", accepted);
        http::send(browser.address, request).await
    };
    let unpack = |reply: &http::Reply| {
        let mut clear = Vec::new();
        match reply
            .headers
            .get("content-encoding")
            .map(|name| name.to_str().unwrap())
        {
            Some("zstd") => clear = zstd::decode_all(&reply.body[..]).unwrap(),
            Some("gzip") => {
                flate2::read::GzDecoder::new(&reply.body[..])
                    .read_to_end(&mut clear)
                    .unwrap();
            }
            _ => clear.clone_from(&reply.body),
        }
        clear
    };
    let base = format!("clients/{}/flows/{id}/results", agent.id);
    for path in [
        format!("{base}?limit=500"),
        format!("{base}/export?format=csv"),
        format!("{base}/export?format=json"),
        "artifacts".to_owned(),
    ] {
        let plain = get(&path, "identity").await;
        assert!(!plain.headers.contains_key("content-encoding"));
        for name in ["zstd", "gzip"] {
            let packed = get(&path, &format!("deflate, {name}")).await;
            assert_eq!(packed.headers["content-encoding"], name, "{path}");
            assert_eq!(packed.headers["vary"], "accept-encoding");
            assert!(packed.body.len() < plain.body.len() / 3, "{path} {name}");
            assert_eq!(unpack(&packed), plain.body, "{path} {name}");
        }
    }
    let session = get("session", "gzip, zstd").await;
    assert!(!session.headers.contains_key("content-encoding"));
    let events = http::open(browser.address, {
        let mut request = browser.request("GET", "events?topics=clients", None);
        request
            .headers_mut()
            .insert("accept-encoding", "gzip".parse().unwrap());
        request
    })
    .await;
    assert!(!events.headers().contains_key("content-encoding"));
    for _ in 0..2 {
        let request = hyper::Request::get("/assets/large-1234.js")
            .header("host", "localhost")
            .header("accept-encoding", "gzip, deflate, br")
            .body(http_body_util::Full::default());
        let asset = http::send(browser.address, request.unwrap()).await;
        assert_eq!(asset.headers["content-encoding"], "gzip");
        assert_eq!(unpack(&asset), common::LARGE_FILE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_rows_are_seen_and_spreadsheets_run_nothing() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flows = format!("clients/{}/flows", agent.id);
    let body = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    let id = browser.call("POST", &flows, Some(body)).await.json()["flow_id"]
        .as_str()
        .unwrap()
        .to_owned();
    agent.poll().await;
    let rows = [
        format!("{{\"n\":1,\"Name\":{}{}}}", "[".repeat(200), "]".repeat(200)),
        r#"{"n":-2,"Name":"half \ud800"}"#.to_owned(),
        r#"{"n":3,"Name":"=cmd|calc"}"#.to_owned(),
        r#"{"n":4,"Name":"-12.5"}"#.to_owned(),
    ];
    agent.say(vec![agent.rows(&id, "Test.Rows/All", 0, &rows)]).await;
    let base = format!("{flows}/{id}/results");
    let page = browser.get(&base).await;
    assert_eq!(page["total"], 4);
    let names: Vec<&str> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row[1].as_str().unwrap_or("an array"))
        .collect();
    assert_eq!(names[1..], ["half \u{fffd}", "=cmd|calc", "-12.5"]);
    assert!(page["rows"][0].to_string().contains("[[["));
    let filter = encode(r#"[{"column":"n","op":"eq","value":1}]"#);
    assert_eq!(browser.get(&format!("{base}?filter={filter}")).await["total"], 1);
    let csv = browser
        .call("GET", &format!("{base}/export?format=csv"), None)
        .await
        .text();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(lines[1].starts_with("1,") && lines[1].contains("[[["), "{csv}");
    assert_eq!(lines[2..], ["-2,half \u{fffd}", "3,'=cmd|calc", "4,-12.5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_change_beside_a_running_server() {
    let world = World::new().await;
    let accounts = Accounts::open(world.folder.path()).unwrap();
    let browser = world.sign_in("tester").await;
    accounts
        .set_password("TESTER", "a fresh long phrase")
        .await
        .unwrap();
    assert_eq!(
        browser.call("GET", "session", None).await.status,
        401,
        "sessions end"
    );
    let mut browser = Browser::new(browser.address);
    assert_eq!(browser.sign_in("tester", PASSWORD).await.status, 401);
    assert_eq!(browser.sign_in("tester", "a fresh long phrase").await.status, 200);
    accounts.add("new one", PASSWORD, &[Role::Reader]).await.unwrap();
    let new_one = world.sign_in("new one").await;
    let roles = async || new_one.get("session").await["user"]["roles"].clone();
    assert_eq!(roles().await, json!(["reader"]));
    // Roles change under a session that goes on.
    let granted = accounts
        .grant("NEW ONE", &[Role::Administrator, Role::Reader])
        .await;
    assert_eq!(granted.unwrap(), ["reader", "administrator"]);
    assert_eq!(roles().await, json!(["reader", "administrator"]));
    assert_eq!(new_one.call("GET", "audit", None).await.status, 200);
    accounts
        .set_roles("new one", &[Role::Investigator])
        .await
        .unwrap();
    assert_eq!(roles().await, json!(["investigator"]));
    assert_eq!(new_one.call("GET", "audit", None).await.status, 403);
    assert!(accounts.has_administrator().await.unwrap());
    for name in ["admin", "tester"] {
        accounts.set_roles(name, &[Role::Reader]).await.unwrap();
    }
    assert!(!accounts.has_administrator().await.unwrap());
    accounts.grant("tester", &[Role::Administrator]).await.unwrap();
    assert!(accounts.set_roles("nobody", &[Role::Reader]).await.is_err());
    for (name, password, part) in [
        ("New One", PASSWORD, "exists already"),
        ("server", PASSWORD, "cannot be a user name"),
        ("a\u{1b}b", PASSWORD, "cannot be a user name"),
        ("other", "short", "too short"),
    ] {
        let error = accounts.add(name, password, &[Role::Reader]).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = accounts.set_password("nobody", PASSWORD).await.unwrap_err();
    assert_eq!(error.to_string(), "no user `nobody`");
    let audit = browser.get("audit?limit=500").await["rows"].to_string();
    assert!(
        ["command line", "Update password", "user_grant"]
            .iter()
            .all(|part| audit.contains(part)),
        "{audit}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_and_database_must_belong_together() {
    let mut world = World::new().await;
    world.stop().await;
    let open = |folder: &std::path::Path| Storage::embedded(folder).unwrap();
    let storage = open(world.folder.path());
    assert!(storage.is_used().await.unwrap());
    storage.tie_to(&world.config, false).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let foreign = common::config(other.path());
    let error = storage.tie_to(&foreign, true).await.unwrap_err();
    assert!(error.to_string().contains("another deployment"), "{error}");
    storage.tie_to(&world.config, false).await.unwrap();
    let empty = open(other.path());
    assert!(!empty.is_used().await.unwrap());
    let error = empty.tie_to(&foreign, false).await.unwrap_err();
    assert!(error.to_string().contains("--new-database"), "{error}");
    empty.tie_to(&foreign, true).await.unwrap();
    empty.tie_to(&foreign, false).await.unwrap();
}
