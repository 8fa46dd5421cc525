//! How the server answers: headers, events, compression, and what it does when the database is full.

use crate::common;
use crate::common::agent::Agent;
use crate::common::http::{self, Browser};
use crate::common::{PASSWORD, World};
use crate::thousand_rows;
use peregrine_server::{Accounts, NoGui, Server, Storage};
use peregrine_store::{FolderObjects, LocalBus, OrgId, SettingStore, SqlAddress};
use serde_json::json;
use std::io::Read;
use std::sync::Arc;

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
            format!("API path `{path}` not found; the documentation lists all paths")
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

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_lets_people_in_to_make_room() {
    let folder = tempfile::tempdir().unwrap();
    let config = common::config(folder.path());
    let database = Arc::new(
        SqlAddress::File(folder.path().join("peregrine.db"))
            .open()
            .unwrap()
            .org(&OrgId::root()),
    );
    let objects = Arc::new(FolderObjects::open(folder.path()).unwrap());
    let bus = Arc::new(LocalBus::new());
    let storage = Storage::new(database.clone(), objects, bus, folder.path().to_owned());
    let server = Server::start(
        config.clone(),
        storage,
        Arc::new(NoGui),
        common::artifacts(),
        common::query_host(),
    )
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
    // Some sessions still fit into free space of existing pages.
    let mut inside = Vec::new();
    for _ in 0..60 {
        let mut browser = Browser::new(server.addresses().gui);
        assert_eq!(browser.sign_in("tester", PASSWORD).await.status, 200);
        browser.get("session").await;
        inside.push(browser);
    }
    // The owner of the data folder sets a new password: every session ends, whether kept in the database or in memory.
    let accounts = Accounts::open(folder.path(), Storage::embedded_database(folder.path())).unwrap();
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
async fn configuration_and_database_must_belong_together() {
    let mut world = World::new().await;
    world.stop().await;
    let open = |folder: &std::path::Path| Storage::embedded(folder).unwrap();
    let storage = open(world.folder.path());
    assert!(storage.is_used().await.unwrap());
    storage
        .tie_to(&world.config.client.ca_certificate, false)
        .await
        .unwrap();
    let other = tempfile::tempdir().unwrap();
    let foreign = common::config(other.path());
    let error = storage
        .tie_to(&foreign.client.ca_certificate, true)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("another deployment"), "{error}");
    storage
        .tie_to(&world.config.client.ca_certificate, false)
        .await
        .unwrap();
    let empty = open(other.path());
    assert!(!empty.is_used().await.unwrap());
    let error = empty
        .tie_to(&foreign.client.ca_certificate, false)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("--new-database"), "{error}");
    empty.tie_to(&foreign.client.ca_certificate, true).await.unwrap();
    empty.tie_to(&foreign.client.ca_certificate, false).await.unwrap();
}
