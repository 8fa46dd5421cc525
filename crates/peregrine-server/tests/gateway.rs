//! Agents talk to a real server over HTTP and websockets.

#![allow(clippy::unwrap_used)]

mod common;

use common::World;
use common::agent::Agent;
use common::http;
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_server::{NoGui, Server, Storage};
use peregrine_store::chunk::Chunk;
use peregrine_store::{Effect, FolderObjects, LocalBus, RowStore, SqliteDatabase};
use peregrine_wire::{CipherSession, ids, pack};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message as Frame;

async fn collect(world: &World, agent: &Agent) -> String {
    let browser = world.sign_in("tester").await;
    let body = json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "3"}}]});
    let reply = browser
        .call("POST", &format!("clients/{}/flows", agent.id), Some(body))
        .await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json()["flow_id"].as_str().unwrap().to_owned()
}

async fn flow(world: &World, agent: &Agent, flow: &str) -> Value {
    world
        .sign_in("tester")
        .await
        .get(&format!("clients/{}/flows/{flow}", agent.id))
        .await
}

async fn refused(world: &World) -> Value {
    world.sign_in("tester").await.get("server/status").await["refused"].clone()
}

fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|n| json!({"n": n}).to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_agent_enrols_and_is_interrogated() {
    let world = World::new().await;
    let agent = world.agent().await;
    let client = world
        .sign_in("tester")
        .await
        .get(&format!("clients/{}", agent.id))
        .await;
    assert_eq!(client["os"], "linux");
    assert_eq!(client["os_release"], "debian 13");
    assert_eq!(client["labels"], json!(["from-agent"]));
    assert_eq!(client["online"], true);
    assert_eq!(client["last_ip"], "127.0.0.1");
    let told = world
        .sign_in("tester")
        .await
        .get(&format!("clients/{}/interrogation", agent.id))
        .await;
    assert_eq!(told["tables"][0]["name"], "Generic.Client.Info/BasicInformation");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_twice_is_stored_once() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    assert_eq!(flow(&world, &agent, &id).await["state"], "waiting");
    let tasks = agent.poll().await;
    let request = tasks[0].flow_request.as_ref().unwrap();
    assert_eq!(tasks[0].session_id, id);
    let name = &request.vql_client_actions[0].query.last().unwrap().name;
    assert!(name.starts_with('$'), "names are hidden from agents: {name}");
    assert_eq!(agent.names.reveal(name).as_deref(), Some("Test.Rows/All"));

    let packet = agent.seal(vec![
        agent.rows(&id, "Test.Rows/All", 0, &numbers(0..10)),
        agent.log(&id, 0, &format!("started {name}")),
        agent.piece(&id, 0, b"abc", false),
        agent.piece(&id, 3, b"def", false),
        agent.piece(&id, 6, b"", true),
        agent.stats(&id, ReturnedStatus::Progress, "", false),
    ]);
    for _ in 0..2 {
        assert_eq!(
            http::post(agent.address, "/control", packet.clone()).await.status,
            200
        );
    }
    assert_eq!(flow(&world, &agent, &id).await["state"], "in_progress");
    agent
        .say(vec![agent.rows(&id, "Test.Rows/All", 5, &numbers(5..20))])
        .await;
    let last = vec![agent.stats(&id, ReturnedStatus::Ok, "", true)];
    agent.say(last.clone()).await;
    agent.say(last).await;

    let view = flow(&world, &agent, &id).await;
    assert_eq!(view["state"], "finished");
    assert_eq!(view["rows"], 20);
    assert_eq!(view["logs"], 1);
    assert_eq!(view["uploaded_files"], 1);
    assert_eq!(view["uploaded_bytes"], 6);
    assert_eq!(view["duration_ms"], 1000);
    assert_eq!(view["sources"], json!([{"name": "Test.Rows/All", "rows": 20}]));
    let browser = world.sign_in("tester").await;
    let page = browser
        .get(&format!(
            "clients/{}/flows/{id}/results?offset=8&limit=4",
            agent.id
        ))
        .await;
    assert_eq!(page["rows"], json!([[8], [9], [10], [11]]));
    assert_eq!((&page["total"], &page["complete"]), (&json!(20), &json!(true)));
    let logs = browser
        .get(&format!("clients/{}/flows/{id}/logs", agent.id))
        .await;
    assert_eq!(
        logs["rows"][0][2], "started Test.Rows/All",
        "hidden names are revealed in logs"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_packets_are_refused_counted_and_harm_nobody() {
    let world = World::new().await;
    let agent = world.agent().await;
    let good = agent.seal(vec![agent.checkin()]);
    let status = async |body: Vec<u8>| http::post(agent.address, "/control", body).await.status;

    assert_eq!(status(b"not a packet".to_vec()).await, 403);
    assert_eq!(status(Vec::new()).await, 403);
    for length in [1, 10, 100, good.len() / 2, good.len() - 1] {
        assert_eq!(status(good[..length].to_vec()).await, 403, "cut at {length}");
    }
    let mut flipped = good.clone();
    let at = flipped.len() - 10;
    flipped[at] ^= 1;
    assert_eq!(status(flipped).await, 403, "bad code");
    let server_key = peregrine_wire::pki::facts(&world.config.frontend.certificate)
        .unwrap()
        .key
        .unwrap();
    let session = CipherSession::new(&agent.id, &agent.key, &server_key).unwrap();
    let foreign = session.seal(&pack::plain(Vec::new(), "bm9uY2U=")).unwrap();
    assert_eq!(status(foreign).await, 403, "wrong nonce");
    assert_eq!(
        status(vec![0; 3 << 20]).await,
        200,
        "too large: swallowed, so that the agent drops it"
    );
    let bomb = pack::compress(&vec![0; 101 << 20]);
    let bomb = agent
        .session
        .seal(&pack::compressed(vec![bomb], &agent.nonce))
        .unwrap();
    assert_eq!(status(bomb).await, 400, "a decompression bomb is dropped");
    let nonsense = agent
        .session
        .seal(&pack::plain(vec![0xff; 100], &agent.nonce))
        .unwrap();
    assert_eq!(status(nonsense).await, 400, "genuine, but no message list");
    // Somebody who knows the client's id but not its key.
    let other = Agent::new(world.frontend(), &world.config).await;
    let thief = CipherSession::new(&agent.id, &other.key, &server_key).unwrap();
    let stolen = thief
        .seal(&pack::plain(pack::batch(vec![agent.checkin()]), &agent.nonce))
        .unwrap();
    assert_eq!(status(stolen).await, 406, "not authenticated");

    let counted = refused(&world).await;
    assert_eq!(counted["bad_nonce"], 1, "{counted}");
    assert_eq!(counted["too_large"], 1, "{counted}");
    assert!(counted["malformed"].as_u64().unwrap() >= 3, "{counted}");
    assert!(counted["bad_hmac"].as_u64().unwrap() >= 1, "{counted}");
    agent.say(vec![agent.checkin()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_enrolment_request_is_refused() {
    let world = World::new().await;
    let agent = Agent::new(world.frontend(), &world.config).await;
    let mut request = peregrine_wire::enrol::request(&agent.key).unwrap();
    request.csr.as_mut().unwrap().pem =
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".to_vec();
    assert_eq!(agent.control(vec![request]).await.status, 503);
    assert_eq!(agent.reader().await.status, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_agent_is_woken_and_a_second_one_is_refused() {
    let world = World::with(|config| config.client.max_poll = 60).await;
    let agent = world.agent().await;
    let waiting = agent.wait().await;
    assert_eq!(agent.reader().await.status, 409, "one connection per client id");
    let id = collect(&world, &agent).await;
    let tasks = agent.finish(waiting).await;
    assert_eq!(tasks[0].session_id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_without_tasks_ends_with_padding() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    assert!(agent.poll().await.is_empty());
    assert!(agent.poll().await.is_empty(), "and the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_flow_stays_cancelled_and_the_agent_is_told() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    assert_eq!(agent.poll().await.len(), 1);
    let browser = world.sign_in("tester").await;
    let reply = browser
        .call("POST", &format!("clients/{}/flows/{id}/cancel", agent.id), None)
        .await;
    assert_eq!(reply.json()["state"], "error");
    let told = agent.poll().await;
    assert!(told[0].cancel.is_some() && told[0].urgent && told[0].session_id == id);
    agent
        .say(vec![agent.stats(
            &id,
            ReturnedStatus::GenericError,
            "Cancelled",
            true,
        )])
        .await;
    let view = flow(&world, &agent, &id).await;
    assert_eq!(view["status"], "Cancelled by tester");

    let never_sent = collect(&world, &agent).await;
    browser
        .call(
            "POST",
            &format!("clients/{}/flows/{never_sent}/cancel", agent.id),
            None,
        )
        .await;
    assert!(agent.poll().await.is_empty(), "the agent never hears of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_and_lost_flows_end_with_the_reason() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let failed = collect(&world, &agent).await;
    let lost = collect(&world, &agent).await;
    assert_eq!(agent.poll().await.len(), 2);
    agent
        .say(vec![agent.stats(
            &failed,
            ReturnedStatus::GenericError,
            "no such file",
            true,
        )])
        .await;
    agent
        .say(vec![agent.rows(&lost, "Test.Rows/All", 0, &numbers(0..2))])
        .await;
    agent
        .say(vec![agent.stats(
            &lost,
            ReturnedStatus::UnknownFlow,
            "Flow not known",
            true,
        )])
        .await;
    let view = flow(&world, &agent, &failed).await;
    assert_eq!(
        (&view["state"], &view["status"]),
        (&json!("error"), &json!("no such file"))
    );
    let view = flow(&world, &agent, &lost).await;
    assert_eq!(
        (&view["state"], &view["status"], &view["rows"]),
        (&json!("error"), &json!("Flow not known"), &json!(2))
    );
    agent
        .say(vec![agent.rows(
            "F.NOSUCHFLOW000",
            "Test.Rows/All",
            0,
            &numbers(0..2),
        )])
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_go_on_after_a_restart_and_silent_ones_are_asked_about() {
    let mut world = World::with(|config| config.defaults.inflight_check_time = 0).await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    assert_eq!(agent.poll().await[0].session_id, id);
    world.stop().await;
    world.start().await;
    agent.address = world.frontend();
    let asked = agent.poll().await;
    let question = asked
        .iter()
        .find_map(|message| message.flow_stats_request.as_ref())
        .unwrap();
    assert_eq!(question.flow_id, [&*id]);
    agent
        .say(vec![agent.rows(&id, "Test.Rows/All", 0, &numbers(0..3))])
        .await;
    agent
        .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    assert_eq!(flow(&world, &agent, &id).await["state"], "finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_flows_are_in_flight() {
    let world = World::with(|config| config.client.concurrency = 1).await;
    let mut agent = world.agent().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(collect(&world, &agent).await);
    }
    assert_eq!(agent.poll().await.len(), 3, "two and the concurrency");
    assert!(agent.poll().await.is_empty());
    agent
        .say(vec![agent.stats(&all[0], ReturnedStatus::Ok, "", true)])
        .await;
    assert_eq!(agent.poll().await[0].session_id, all[3], "in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn event_rows_are_stored_once_with_time_and_client() {
    let world = World::new().await;
    let agent = world.agent().await;
    let rows = agent.rows(ids::MONITORING, "Linux.Events.TrackProcesses", 0, &numbers(0..4));
    agent.say(vec![rows.clone()]).await;
    agent.say(vec![rows]).await;
    let browser = world.sign_in("tester").await;
    let listed = browser.get(&format!("clients/{}/events", agent.id)).await;
    assert_eq!(listed["artifacts"][0]["rows"], 4);
    let page = browser
        .get(&format!(
            "clients/{}/events/Linux.Events.TrackProcesses",
            agent.id
        ))
        .await;
    assert_eq!(page["rows"][3][0], 3);
    assert_eq!(page["rows"][3][1], agent.id.as_str());
    let later = browser
        .get(&format!(
            "clients/{}/events/Linux.Events.TrackProcesses?start=2100-01-01T00:00:00Z",
            agent.id
        ))
        .await;
    assert_eq!(later["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_monitoring_table_reaches_a_waiting_agent() {
    let world = World::with(|config| config.client.max_poll = 60).await;
    let agent = world.agent().await;
    let waiting = agent.wait().await;
    let browser = world.sign_in("tester").await;
    let table = json!({"artifacts": [], "label_events": [
        {"label": "From-Agent", "artifacts": [{"artifact": "Test.Events", "parameters": {"Count": "2"}}]},
        {"label": "other", "artifacts": []}]});
    let reply = browser
        .call("PUT", "monitoring/client", Some(table.clone()))
        .await;
    assert_eq!((reply.status, reply.json()), (200, table));
    let told = agent.finish(waiting).await;
    let update = told[0].update_event_table.as_ref().unwrap();
    assert_eq!(update.event.len(), 1, "by label, without regard to case");
    assert_eq!(update.event[0].env[0].value, "2");
    assert!(update.version > agent.table);
    assert!(
        (120..140).contains(&update.event[0].max_wait),
        "rows wait for company"
    );
    // The agent still reports the old one, as this one takes its time to come into force.
    let waiting = agent.wait().await;
    let id = collect(&world, &agent).await;
    let told = agent.finish(waiting).await;
    assert_eq!(told[0].session_id, id);
    assert!(
        told.iter().all(|message| message.update_event_table.is_none()),
        "a table that comes twice would run twice"
    );
    let bad = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    assert_eq!(
        browser.call("PUT", "monitoring/client", Some(bad)).await.status,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitoring_table_that_was_lost_on_its_way_is_sent_again() {
    let world = World::with(|config| config.client.max_poll = 1).await;
    let agent = world.agent().await;
    // It never takes note of what it is sent.
    let mut versions = Vec::new();
    while versions.len() < 2 {
        let reply = agent.reader().await;
        let told = agent.open(&reply.body);
        versions.extend(
            told.iter()
                .filter_map(|message| Some(message.update_event_table.as_ref()?.version)),
        );
        if versions.is_empty() {
            let table = json!({"artifacts": [{"artifact": "Linux.Events.TrackProcesses"}]});
            let browser = world.sign_in("tester").await;
            assert_eq!(
                browser.call("PUT", "monitoring/client", Some(table)).await.status,
                200
            );
        }
    }
    assert!(versions[1] > versions[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_lacks_rows_is_not_finished() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    agent.poll().await;
    let source = "Test.Rows/All";
    let mut end = agent.stats(&id, ReturnedStatus::Ok, "", true);
    let status = &mut end.flow_stats.as_mut().unwrap().query_status[0];
    (status.result_rows, status.names_with_response) = (20, vec![agent.names.hide(source).unwrap()]);
    agent
        .say(vec![
            agent.rows(&id, source, 0, &numbers(0..5)),
            agent.rows(&id, source, 10, &numbers(10..15)),
            agent.log(&id, 3, "the fourth line"),
            end,
        ])
        .await;
    let view = flow(&world, &agent, &id).await;
    let status = view["status"].as_str().unwrap();
    assert_eq!(view["state"], "error");
    for part in [
        "rows 5–9 of `Test.Rows/All`",
        "rows 15–19 of `Test.Rows/All`",
        "rows 0–2 of the log",
    ] {
        assert!(status.contains(part), "{status}");
    }
    // Delivery is at least once and in any order: what comes late is taken.
    agent
        .say(vec![agent.rows(&id, source, 15, &numbers(15..20))])
        .await;
    agent.say(vec![agent.rows(&id, source, 0, &numbers(0..15))]).await;
    agent
        .say((0..3).map(|n| agent.log(&id, n, "an early line")).collect())
        .await;
    let view = flow(&world, &agent, &id).await;
    assert_eq!(
        (&view["state"], &view["status"], &view["rows"]),
        (&json!("finished"), &Value::Null, &json!(20))
    );
}

/// Offset, bytes, and whether it is the end of the file.
type Piece = (u64, &'static [u8], bool);

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_that_lacks_parts_of_files_is_not_finished() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let mut missing = async |pieces: &[Piece]| -> Value {
        let id = collect(&world, &agent).await;
        agent.poll().await;
        for (offset, data, eof) in pieces {
            agent.say(vec![agent.piece(&id, *offset, data, *eof)]).await;
        }
        agent
            .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
            .await;
        flow(&world, &agent, &id).await["status"].clone()
    };
    assert_eq!(
        missing(&[
            (0, b"abc", false),
            (3, b"", true),
            (0, b"abc", false),
            (3, b"", true)
        ])
        .await,
        Value::Null
    );
    let cases: [(&[Piece], &str); 4] = [
        (&[(0, b"abc", false)], "the end of file `/etc/../etc/passwd`"),
        (
            &[(0, b"abc", false), (5, b"fg", false), (7, b"", true)],
            "bytes 3–6 of file",
        ),
        (&[(0, b"abc", false), (9, b"", true)], "bytes 3–8 of file"),
        (&[(9, b"", true)], "all of file"),
    ];
    for (pieces, part) in cases {
        let status = missing(pieces).await;
        assert!(
            status.as_str().unwrap_or_default().contains(part),
            "{pieces:?}: {status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unpacks_to_too_much_is_bounded_and_told() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    agent.poll().await;
    let nonsense = pack::compress("x\n".repeat(2 << 20).as_bytes());
    let bomb = |flow: &str| {
        let mut message = agent.rows(flow, "Test.Rows/All", 0, &[]);
        message.vql_response.as_mut().unwrap().compressed_json_response = nonsense.clone();
        message
    };
    let packet = agent.seal(vec![bomb("F.NOSUCHFLOW000")]);
    assert!(packet.len() < 8 << 10, "{}", packet.len());
    assert_eq!(
        http::post(agent.address, "/control", packet).await.status,
        200,
        "not even unpacked"
    );
    let packet = agent.seal(vec![bomb(&id), agent.log(&id, 0, "never read")]);
    assert_eq!(
        http::post(agent.address, "/control", packet).await.status,
        400,
        "dropped"
    );
    agent
        .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    let view = flow(&world, &agent, &id).await;
    assert!(view["rows"].as_u64().unwrap() < 1_100_000, "{view}");
    assert!(
        view["status"].as_str().unwrap().contains("unpacks to too much"),
        "{view}"
    );
    assert_eq!(refused(&world).await["too_large"], 1);
    // Events of an artifact nobody knows are nothing.
    let stray = agent.rows(ids::MONITORING, "No.Such.Artifact", 0, &numbers(0..4));
    agent.say(vec![stray]).await;
    let browser = world.sign_in("tester").await;
    let listed = browser.get(&format!("clients/{}/events", agent.id)).await;
    assert_eq!(listed["artifacts"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_hide_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(folder.path());
    config.frontend.resources.max_upload_size = 20 << 20;
    let database = Arc::new(SqliteDatabase::open(&folder.path().join("peregrine.db")).unwrap());
    let objects = Arc::new(FolderObjects::open(folder.path()).unwrap());
    let storage = Storage::new(
        database.clone(),
        objects,
        Arc::new(LocalBus::new()),
        folder.path().to_owned(),
    );
    let artifacts = common::artifacts();
    let server = Server::start(config.clone(), storage, Arc::new(NoGui), artifacts.clone())
        .await
        .unwrap();
    server
        .put_user("tester", common::PASSWORD, &["administrator"])
        .await
        .unwrap();
    let mut world = World {
        server: Some(server),
        config,
        folder,
        artifacts,
    };
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    agent.poll().await;
    agent
        .say(vec![agent.rows(&id, "Test.Rows/All", 0, &numbers(0..10))])
        .await;
    let damaged = Effect::Rows {
        flow_id: id.clone(),
        source: "Test.Rows/All".into(),
        start_row: Some(10),
        chunk: Chunk {
            rows: 1000,
            data: b"no zstd frame".to_vec(),
        },
    };
    database.apply(&agent.id, 1, vec![damaged]).await.unwrap();
    agent
        .say(vec![agent.rows(&id, "Test.Rows/All", 1010, &numbers(1010..1020))])
        .await;

    let browser = world.sign_in("tester").await;
    let base = format!("clients/{}/flows/{id}", agent.id);
    let notice = "1000 rows (10–1009) cannot be read";
    let page = browser.get(&format!("{base}/results?limit=10000")).await;
    assert_eq!(
        (&page["total"], page["rows"].as_array().unwrap().len()),
        (&json!(1020), 21)
    );
    assert_eq!(page["rows"][20][0], 1019);
    assert!(page["rows"][10].to_string().contains(notice), "{page}");
    let page = browser.get(&format!("{base}/results?offset=500&limit=100")).await;
    assert!(page["rows"].to_string().contains(notice), "{page}");
    let filter = http::encode(r#"[{"column":"n","op":"ge","value":1015}]"#);
    let page = browser
        .get(&format!("{base}/results?filter={filter}&sort=n&limit=100"))
        .await;
    assert_eq!(
        page["total"], 6,
        "five that match, and one for those of which nobody knows: {page}"
    );
    let facets = browser.get(&format!("{base}/results/facets?column=n")).await;
    assert_eq!(facets["total"], 1020);
    for (format, lines) in [
        ("csv", 22),
        ("jsonl", 21),
        ("json", 23),
        ("csv&columns=n", 22),
        ("jsonl&columns=n", 21),
    ] {
        let reply = browser
            .call("GET", &format!("{base}/results/export?format={format}"), None)
            .await;
        assert_eq!(reply.status, 200, "{format}");
        let text = reply.text();
        assert_eq!(text.trim().lines().count(), lines, "{format}: {text}");
        assert!(text.contains(notice) && text.contains("1019"), "{format}: {text}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_carry_the_same_conversation() {
    let world = World::new().await;
    let agent = world.agent().await;
    let connect = async |path: &str| {
        let url = format!("ws://{}/{path}", agent.address);
        tokio_tungstenite::connect_async(url).await.unwrap().0
    };
    let next = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| -> Value {
        loop {
            if let Frame::Binary(body) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_slice(&body).unwrap();
            }
        }
    };
    let mut reader = connect("reader").await;
    reader
        .send(Frame::Binary(agent.seal(vec![agent.checkin()]).into()))
        .await
        .unwrap();
    let id = collect(&world, &agent).await;
    let mut tasks = Vec::new();
    while !tasks
        .iter()
        .any(|task: &peregrine_proto::VeloMessage| task.session_id == id)
    {
        let frame = next(&mut reader).await;
        assert_eq!(frame["code"], 200);
        tasks = agent.open(&BASE64.decode(frame["data"].as_str().unwrap().as_bytes()).unwrap());
    }
    let mut control = connect("control").await;
    let rows = agent.seal(vec![agent.rows(&id, "Test.Rows/All", 0, &numbers(0..3))]);
    control.send(Frame::Binary(rows.into())).await.unwrap();
    assert_eq!(next(&mut control).await, json!({"code": 200}));
    assert_eq!(flow(&world, &agent, &id).await["rows"], 3);
    let mut second = connect("reader").await;
    second
        .send(Frame::Binary(agent.seal(vec![agent.checkin()]).into()))
        .await
        .unwrap();
    assert_eq!(next(&mut second).await["code"], 409);
    control.send(Frame::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert_eq!(next(&mut control).await["code"], 403);
    let mut pem = connect("server.pem").await;
    pem.send(Frame::Binary(vec![0].into())).await.unwrap();
    let text = BASE64
        .decode(next(&mut pem).await["data"].as_str().unwrap().as_bytes())
        .unwrap();
    assert_eq!(text, world.config.frontend.certificate.as_bytes());
}

/// A connection from another address of this machine.
async fn from_elsewhere(world: &World) -> tokio::net::TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(world.frontend()).await.unwrap()
}

fn half_a_post(length: usize, sent: usize) -> Vec<u8> {
    let mut request =
        format!("POST /control HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    request.resize(request.len() + sent, 0);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_stop_nobody() {
    let world = World::with(|config| config.frontend.resources.concurrency = 1).await;
    let agent = world.agent().await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = from_elsewhere(&world).await;
        stream.write_all(&half_a_post(2 << 20, 100 << 10)).await.unwrap();
        slow.push(stream);
    }
    agent
        .say(vec![agent.rows(
            ids::MONITORING,
            "Linux.Events.TrackProcesses",
            0,
            &numbers(0..4),
        )])
        .await;
    let packet = agent.seal(vec![agent.log(ids::MONITORING, 0, &"x".repeat(200 << 10))]);
    assert_eq!(http::post(agent.address, "/control", packet).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_keeps_no_agent_from_enrolling() {
    let world = World::with(|config| config.frontend.resources.enrollments_per_second = 3).await;
    let agent = Agent::new(world.frontend(), &world.config).await;
    let good = agent.seal(vec![agent.checkin()]);
    let mut statuses = Vec::new();
    for number in 0..60u8 {
        // As large as a packet is, but nothing that anybody could open.
        let mut garbage = good.clone();
        let at = garbage.len() - 450 + usize::from(number);
        garbage[at] ^= 0x55;
        let mut stream = from_elsewhere(&world).await;
        let mut request = half_a_post(garbage.len(), 0);
        request.extend(&garbage);
        stream.write_all(&request).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        statuses.push(String::from_utf8_lossy(&answer[9..]).into_owned());
    }
    assert!(statuses.iter().any(|status| status == "403"), "{statuses:?}");
    agent.enrol().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_bounded_and_agents_are_not() {
    let world = World::with(|config| {
        config.frontend.resources.max_strangers_per_address = 20;
        config.client.max_poll = 60;
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(from_elsewhere(&world).await);
    }
    let mut one_more = from_elsewhere(&world).await;
    let closed = one_more.read(&mut [0; 1]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    assert!(refused(&world).await["too_many"].as_u64().unwrap() >= 1);
    // More agents than strangers may be, all behind one address.
    let mut waiting = Vec::new();
    for _ in 0..25 {
        let agent = Agent::new(world.frontend(), &world.config).await;
        agent.enrol().await;
        waiting.push(agent.wait().await);
    }
    assert_eq!(http::get(world.frontend(), "/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_large_for_a_websocket_is_dropped_and_the_next_one_taken() {
    let world = World::new().await;
    let agent = world.agent().await;
    let url = format!("ws://{}/control", agent.address);
    let mut socket = tokio_tungstenite::connect_async(url).await.unwrap().0;
    let mut say = async |body: Vec<u8>| {
        socket.send(Frame::Binary(body.into())).await.unwrap();
        loop {
            if let Frame::Binary(body) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_slice::<Value>(&body).unwrap();
            }
        }
    };
    for length in [1, 125, 126, 65_535, 65_536, 1 << 20] {
        let rows = vec![json!({"text": "x".repeat(length)}).to_string()];
        let message = agent.rows(
            ids::MONITORING,
            "Linux.Events.TrackProcesses",
            length as u64,
            &rows,
        );
        let body = agent
            .session
            .seal(&pack::plain(pack::batch(vec![message]), &agent.nonce))
            .unwrap();
        assert_eq!(say(body).await, json!({"code": 200}), "{length}");
    }
    assert_eq!(
        say(vec![7; 30 << 20]).await,
        json!({"code": 200}),
        "swallowed, so that it is not sent again"
    );
    assert_eq!(refused(&world).await["too_large"], 1);
    let rows = agent.seal(vec![agent.rows(
        ids::MONITORING,
        "Linux.Events.TrackProcesses",
        9,
        &numbers(0..4),
    )]);
    assert_eq!(say(rows).await, json!({"code": 200}));
    let listed = world
        .sign_in("tester")
        .await
        .get(&format!("clients/{}/events", agent.id))
        .await;
    assert_eq!(listed["artifacts"][0]["rows"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_to_agents_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(folder.path());
    config.frontend.resources.max_upload_size = 20 << 20;
    let database = Arc::new(SqliteDatabase::open(&folder.path().join("peregrine.db")).unwrap());
    let objects = Arc::new(FolderObjects::open(folder.path()).unwrap());
    let bus = Arc::new(LocalBus::new());
    let storage = Storage::new(database.clone(), objects, bus, folder.path().to_owned());
    let server = Server::start(config.clone(), storage, Arc::new(NoGui), common::artifacts())
        .await
        .unwrap();
    let mut agent = Agent::new(server.addresses().frontend, &config).await;
    agent.enrol().await;
    agent.settle_in().await;

    database.limit_pages(100).await.unwrap();
    let noise: Vec<String> = (0..30_000u64)
        .map(|n| json!({"n": n.wrapping_mul(0x9e37_79b9_7f4a_7c15)}).to_string())
        .collect();
    let packet = agent.seal(vec![agent.rows(
        ids::MONITORING,
        "Linux.Events.TrackProcesses",
        0,
        &noise,
    )]);
    assert_eq!(
        http::post(agent.address, "/control", packet.clone()).await.status,
        503,
        "keep it and come again"
    );
    let health = http::get(agent.address, "/healthz").await;
    assert_eq!(health.status, 503);
    assert!(health.text().contains("full"), "{}", health.text());
    database.limit_pages(1_000_000).await.unwrap();
    assert_eq!(http::post(agent.address, "/control", packet).await.status, 200);
    assert_eq!(http::get(agent.address, "/healthz").await.status, 200);
    let sets = database.event_sets(&agent.id).await.unwrap();
    assert_eq!(sets[0].rows(), 30_000);
    assert_eq!(http::get(agent.address, "/healthz").await.status, 200);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_issued_by_the_deployment_and_the_agents_configuration_holds_no_secret() {
    let world = World::with(|config| config.frontend.use_plain_http = false).await;
    let mut roots = rustls::RootCertStore::empty();
    let ca = peregrine_wire::pem::first(&world.config.client.ca_certificate, "CERTIFICATE").unwrap();
    roots.add(ca.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    for name in ["localhost", "127.0.0.1", "VelociraptorServer"] {
        let stream = tokio::net::TcpStream::connect(world.frontend()).await.unwrap();
        let stream = connector.connect(name.try_into().unwrap(), stream).await.unwrap();
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        let request = hyper::Request::get("/server.pem").header("host", name);
        let request = request
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .unwrap();
        assert_eq!(
            sender.send_request(request).await.unwrap().status(),
            200,
            "{name}"
        );
    }
    let text = std::fs::read_to_string(peregrine_server::Config::client_file(world.folder.path())).unwrap();
    assert!(
        !text.contains("PRIVATE KEY") && text.contains("server_urls"),
        "{text}"
    );
    let again =
        peregrine_server::Config::load(&peregrine_server::Config::server_file(world.folder.path())).unwrap();
    assert_eq!(again.client.nonce, world.config.client.nonce);
}
