//! Values that a table shows as times can be filtered as times.

use super::common::World;
use super::common::http::encode;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_are_times_are_filtered_as_times() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    let flows = format!("clients/{}/flows", agent.id);
    let body = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    let reply = browser.call("POST", &flows, Some(body)).await;
    let id = reply.json()["flow_id"].as_str().unwrap().to_owned();
    agent.poll().await;
    // One row per hour from 2026-11-21T00:00:00Z on, in several units, and as text in another time zone.
    let rows: Vec<String> = (0..24_i64)
        .map(|hour| {
            let at = 1_795_219_200 + hour * 3600;
            json!({
                "Seconds": at, "Fraction": at as f64 + 0.25, "Millis": at * 1000, "Micros": at * 1_000_000,
                "Text": format!("2026-11-21T{hour:02}:00:00+00:00"), "Local": format!("2026-11-21 {hour:02}:00:00"),
            })
            .to_string()
        })
        .collect();
    agent.say(vec![agent.rows(&id, "Test.Rows/All", 0, &rows)]).await;
    let count = async |column: &str, op: &str, value: &str| {
        let filter = encode(&json!([{"column": column, "op": op, "value": value}]).to_string());
        browser
            .get(&format!("{flows}/{id}/results?filter={filter}"))
            .await["total"]
            .as_u64()
            .unwrap()
    };
    for column in ["Seconds", "Millis", "Micros", "Text", "Local"] {
        assert_eq!(
            count(column, "ge", "2026-11-21T12:00:00.000Z").await,
            12,
            "{column}"
        );
        assert_eq!(
            count(column, "lt", "2026-11-21T12:00:00.000Z").await,
            12,
            "{column}"
        );
        assert_eq!(
            count(column, "eq", "2026-11-21T12:00:00.000Z").await,
            1,
            "{column}"
        );
        assert_eq!(
            count(column, "ne", "2026-11-21T12:00:00.000Z").await,
            23,
            "{column}"
        );
    }
    assert_eq!(count("Fraction", "gt", "2026-11-21T12:00:00.000Z").await, 12);
    assert_eq!(count("Fraction", "eq", "2026-11-21T12:00:00.250Z").await, 1);
}
