//! The life of a collection, driven by what its agent sends.

use crate::common::{World, http};
use crate::{collect, flow, numbers};
use peregrine_proto::velo_status::ReturnedStatus;
use serde_json::json;

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
async fn a_cancelled_flow_stays_cancelled_and_the_agent_is_told() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    assert_eq!(agent.poll().await.len(), 1);
    let browser = world.sign_in("tester").await;
    let reply = browser
        .call("POST", &format!("clients/{}/flows/{id}/cancel", agent.id), None)
        .await;
    assert_eq!(reply.json()["state"], "cancelled");
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
