//! Sizes of answers on the wire. Unlike times they are the same on every machine, so tests can assert them.

use crate::common::http::{self, Browser};
use crate::common::{self, PASSWORD, World};
use hyper::header::HeaderValue;
use peregrine_server::{GuiAssets, GuiFile, Server, Storage};
use peregrine_store::testing::client_id;
use peregrine_store::{ClientFacts, Effect};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest total of the files and answers needed for the first view, in bytes.
const FIRST_VIEW: usize = 250_000;
/// Largest answer for a process tree of ten thousand processes, in bytes.
const LARGE_TREE: usize = 400_000;

/// The GUI as it was built.
struct Built(PathBuf);

impl GuiAssets for Built {
    fn file(&self, path: &str) -> Option<GuiFile> {
        let content_type = match path.rsplit('.').next()? {
            "html" => "text/html; charset=utf-8",
            "js" => "text/javascript",
            "css" => "text/css",
            "svg" => "image/svg+xml",
            _ => "application/octet-stream",
        };
        Some(GuiFile {
            bytes: std::fs::read(self.0.join(path)).ok()?.into(),
            content_type: content_type.to_owned(),
        })
    }
}

/// A repeatable pseudo-random sequence.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// Bytes of the body at a path of the API.
async fn weight(browser: &Browser, path: &str, coding: &'static str) -> usize {
    file_weight(browser, &format!("api/v1/{path}"), coding).await
}

/// Bytes of the body at a path.
async fn file_weight(browser: &Browser, path: &str, coding: &'static str) -> usize {
    let mut request = browser.request("GET", "", None);
    *request.uri_mut() = format!("/{path}").parse().unwrap();
    request
        .headers_mut()
        .insert("accept-encoding", HeaderValue::from_static(coding));
    let reply = http::send(browser.address, request).await;
    assert_eq!(reply.status, 200, "{path}");
    reply.body.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_view_is_small() {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gui/dist");
    let Ok(index) = std::fs::read_to_string(built.join("index.html")) else {
        eprintln!("skipped: the GUI is not built (`npm run build` in gui/)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::embedded(folder.path()).unwrap();
    let mut numbers = Numbers(7);
    for at in 0..200 {
        let id = (u64::MAX / 3) ^ (numbers.below(usize::MAX) as u64);
        let id = client_id(format!("C.{id:016x}"));
        storage.database.enrol(&id, "key", 1).await.unwrap();
        let hostname = format!(
            "{}-{at:03}",
            numbers.one_of(&["web-ber", "db-zrh", "ws-muc", "build-vie"])
        );
        let facts = ClientFacts {
            fqdn: format!("{hostname}.corp.example"),
            hostname,
            os: numbers.one_of(&["linux", "windows", "darwin"]).into(),
            release: numbers
                .one_of(&["debian 13.1", "Windows 11 24H2", "ubuntu 24.04"])
                .into(),
            architecture: "amd64".into(),
            agent_name: "peregrine".into(),
            agent_version: "0.1.0".into(),
            addresses: vec![
                format!(
                    "10.{}.{}.{}",
                    numbers.below(40),
                    numbers.below(255),
                    numbers.below(255)
                ),
                format!("fe80::{:x}:{:x}", numbers.below(65_535), numbers.below(65_535)),
            ],
            mac_addresses: vec![format!(
                "02:42:00:{:02x}:{:02x}:{:02x}",
                at,
                numbers.below(255),
                numbers.below(255)
            )],
            ..ClientFacts::default()
        };
        let effect = Effect::Facts {
            facts: Box::new(facts),
            labels: vec![numbers.one_of(&["production", "lab"]).into()],
            flow_id: None,
            at: 2_000_000 + at,
        };
        storage.database.apply(&id, 2, Arc::new([effect])).await.unwrap();
    }
    let config = common::config(folder.path());
    let server = Server::start(
        config,
        storage,
        Arc::new(Built(built.clone())),
        common::artifacts(),
        common::query_host(),
    )
    .await
    .unwrap();
    server
        .put_user("tester", PASSWORD, &["administrator"])
        .await
        .unwrap();
    let mut browser = Browser::new(server.addresses().gui);
    let signed_in = browser.sign_in("tester", PASSWORD).await.body.len();

    // The files that the page references, and the Latin font, which is loaded with the first text.
    let mut files: Vec<String> = ["src=\"/", "href=\"/"]
        .iter()
        .flat_map(|mark| index.split(mark).skip(1))
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let font = std::fs::read_dir(built.join("assets"))
        .unwrap()
        .find_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            (name.starts_with("inter-latin-wght-normal") && name.ends_with(".woff2")).then_some(name)
        });
    files.extend(font.map(|name| format!("assets/{name}")));
    files.push(String::new());
    assert!(files.len() > 4, "{files:?}");
    for coding in ["gzip", "zstd"] {
        let mut total = signed_in;
        for file in &files {
            total += file_weight(&browser, file, coding).await;
        }
        for path in [
            "session",
            "clients?sort=hostname&offset=0&limit=200",
            "search?q=&limit=50",
        ] {
            total += weight(&browser, path, coding).await;
        }
        assert!((50_000..=FIRST_VIEW).contains(&total), "{coding}: {total} bytes");
    }
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_tree_of_ten_thousand_is_small() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flows = format!("clients/{}/flows", agent.id);
    let body = json!({"artifacts": [{"artifact": "Generic.System.Pstree"}]});
    let started = browser.call("POST", &flows, Some(body)).await.json();
    let flow = started["flow_id"].as_str().unwrap().to_owned();
    agent.poll().await;

    let mut numbers = Numbers(11);
    let mut ids: Vec<String> = Vec::new();
    let programs = [
        ("bash", "/usr/bin/bash", "-bash"),
        (
            "curl",
            "/usr/bin/curl",
            "curl -fsSL https://updates.example/stage",
        ),
        (
            "python3",
            "/usr/bin/python3.13",
            "python3 /opt/app/manage.py worker --queue",
        ),
        (
            "cc1",
            "/usr/libexec/gcc/x86_64-linux-gnu/14/cc1",
            "cc1 -quiet -O2 -o /tmp/cc",
        ),
        ("git", "/usr/bin/git", "git fetch --all --prune origin"),
        ("nginx", "/usr/sbin/nginx", "nginx: worker process"),
    ];
    for batch in 0..10_u64 {
        let mut rows = Vec::new();
        for _ in 0..1000 {
            let at = ids.len();
            let (name, exe, command) = programs[numbers.below(programs.len())];
            // Half of the processes are children of a few long-lived ones, the others of recent ones.
            let parent = match (at, numbers.below(2)) {
                (0, _) => String::new(),
                (_, 0) => ids[numbers.below(at.min(40))].clone(),
                _ => ids[at - 1 - numbers.below(at.min(200))].clone(),
            };
            let (pid, start) = (
                1 + at * 3 + numbers.below(3),
                1_790_000_000 + at * 40 + numbers.below(40),
            );
            let time = |at: usize| {
                format!(
                    "2026-11-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                    1 + at / 86_400 % 28,
                    at / 3600 % 24,
                    at / 60 % 60,
                    at % 60,
                    at * 7 % 1000
                )
            };
            let exited = numbers.below(10) > 0;
            rows.push(
                json!({
                    "Pid": pid,
                    "Ppid": parent.split('-').next().unwrap().parse::<u64>().unwrap_or(0),
                    "Name": name,
                    "Username": numbers.one_of(&["root", "deploy", "www-data", "ci"]),
                    "Exe": exe,
                    "CommandLine": format!("{command} {}", numbers.below(1 << 20)),
                    "StartTime": time(start),
                    "EndTime": exited.then(|| time(start + numbers.below(90))),
                    "ExitCode": exited.then(|| numbers.below(50) / 49),
                    "TrackerId": format!("{pid}-{start}"),
                    "ParentTrackerId": parent,
                })
                .to_string(),
            );
            ids.push(format!("{pid}-{start}"));
        }
        let message = agent.rows(&flow, "Generic.System.Pstree", batch * 1000, &rows);
        agent.say(vec![message]).await;
    }
    let path = format!("clients/{}/process-tree?process={}&flow={flow}", agent.id, ids[0]);
    let tree = browser.get(&path).await;
    assert_eq!(tree["nodes"].as_array().unwrap().len(), 10_000);
    for coding in ["gzip", "zstd"] {
        let bytes = weight(&browser, &path, coding).await;
        assert!(bytes <= LARGE_TREE, "{coding}: {bytes} bytes");
    }
}
