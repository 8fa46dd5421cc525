//! Data that never arrived, or cannot be stored or read, is reported.

use crate::common;
use crate::common::agent::Agent;
use crate::common::{World, http};
use crate::{collect, flow, numbers};
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_server::{NoGui, Server, Storage};
use peregrine_store::chunk::Chunk;
use peregrine_store::{Effect, FolderObjects, LocalBus, OrgId, RowStore, SqlAddress};
use peregrine_wire::ids;
use serde_json::{Value, json};
use std::sync::Arc;

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
    // Delivery is at least once and in any order, so late data is accepted.
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

/// Offset, bytes, and whether the file ends with it.
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
async fn rows_behind_those_of_many_deleted_collections_are_stored() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    agent.poll().await;
    let source = "Test.Rows/All";
    let row = numbers(0..1);
    // What an agent sends that was offline while collections were deleted; more than one transaction takes.
    let mut packet: Vec<_> = (0..300)
        .map(|n| agent.rows(&format!("F.DELETED{n}"), source, 0, &row))
        .collect();
    packet.extend((0..5000).map(|n| agent.rows(&id, source, n, &row)));
    let mut end = agent.stats(&id, ReturnedStatus::Ok, "", true);
    let status = &mut end.flow_stats.as_mut().unwrap().query_status[0];
    (status.result_rows, status.names_with_response) = (5000, vec![agent.names.hide(source).unwrap()]);
    packet.push(end);
    agent.say(packet).await;
    let view = flow(&world, &agent, &id).await;
    assert_eq!(
        (&view["state"], &view["status"], &view["rows"]),
        (&json!("finished"), &Value::Null, &json!(5000))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_path_is_too_long_to_keep_is_told() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    agent.poll().await;
    let mut piece = agent.piece(&id, 0, b"abcdef", true);
    let path = piece.file_buffer.as_mut().unwrap().pathspec.as_mut().unwrap();
    path.path = "/x".repeat(40_000);
    agent
        .say(vec![piece, agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    let view = flow(&world, &agent, &id).await;
    assert_eq!(view["state"], "error");
    let status = view["status"].as_str().unwrap();
    assert!(status.contains("path of more than 65536 bytes"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_read_hide_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(folder.path());
    config.frontend.resources.max_upload_size = 20 << 20;
    let database = Arc::new(
        SqlAddress::File(folder.path().join("peregrine.db"))
            .open()
            .unwrap()
            .org(&OrgId::root()),
    );
    let objects = Arc::new(FolderObjects::open(folder.path()).unwrap());
    let storage = Storage::new(
        database.clone(),
        objects,
        Arc::new(LocalBus::new()),
        folder.path().to_owned(),
    );
    let artifacts = common::artifacts();
    let server = Server::start(
        config.clone(),
        storage,
        Arc::new(NoGui),
        artifacts.clone(),
        common::query_host(),
    )
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
        flow_id: id.parse().unwrap(),
        source: "Test.Rows/All".into(),
        start_row: Some(10),
        chunk: Chunk {
            rows: 1000,
            data: b"no zstd frame".to_vec(),
        },
    };
    let client_id = agent.id.parse().unwrap();
    database.apply(&client_id, 1, Arc::new([damaged])).await.unwrap();
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
async fn a_full_disk_is_told_to_agents_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = common::config(folder.path());
    config.frontend.resources.max_upload_size = 20 << 20;
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
    let sets = database.event_sets(&agent.id.parse().unwrap()).await.unwrap();
    let events = sets.iter().find(|set| set.name == "Linux.Events.TrackProcesses");
    assert_eq!(events.unwrap().rows(), 30_000);
    assert_eq!(http::get(agent.address, "/healthz").await.status, 200);
    server.shutdown().await;
}
