//! Stored rows, as tables and as files.

use crate::common::World;
use crate::common::http::encode;
use crate::thousand_rows;
use serde_json::{Value, json};

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
