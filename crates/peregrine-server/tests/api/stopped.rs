//! Cancelled collections are not reported as failed.

use super::common::World;
use peregrine_proto::velo_status::ReturnedStatus;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cancelled_is_no_error() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flows = format!("clients/{}/flows", agent.id);
    let start = async || {
        let body = json!({"artifacts": [{"artifact": "Test.Rows"}]});
        let reply = browser.call("POST", &flows, Some(body)).await;
        reply.json()["flow_id"].as_str().unwrap().to_owned()
    };
    let (stopped, failed) = (start().await, start().await);
    agent.poll().await;
    let mut watch = browser.watch(&format!("flows:{}", agent.id)).await;
    let reply = browser
        .call("POST", &format!("{flows}/{stopped}/cancel"), None)
        .await;
    assert_eq!(reply.json()["state"], "cancelled", "{}", reply.text());
    watch.until("\"state\":\"cancelled\"").await;
    // The agent reports a cancelled collection as an error.
    for flow in [&stopped, &failed] {
        agent
            .say(vec![agent.stats(
                flow,
                ReturnedStatus::GenericError,
                "Cancelled",
                true,
            )])
            .await;
    }
    for (filter, expected) in [
        ("error", vec![failed.as_str()]),
        ("cancelled", vec![stopped.as_str()]),
        ("running", vec![]),
    ] {
        let found = browser
            .get(&format!("{flows}?state={filter}&search=Test.Rows"))
            .await;
        let ids: Vec<&str> = found["flows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|flow| flow["flow_id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, expected, "{filter}");
    }
    let shown = browser.get(&format!("{flows}/{stopped}")).await;
    assert_eq!(
        (&shown["state"], &shown["status"]),
        (&json!("cancelled"), &json!("Cancelled by tester"))
    );
}
