//! Refusals of requests with unknown parameters or members.

use crate::common::World;
use serde_json::{Value, json};

/// Sends a request with something unknown; the refusal must name it and the known alternatives.
async fn is_refused(world: &World, method: &str, path: &str, body: Option<Value>, names: &[&str]) {
    let browser = world.sign_in("tester").await;
    let reply = browser.call(method, path, body).await;
    let error = reply.json()["error"].clone();
    assert_eq!(
        (reply.status, &error["code"]),
        (400, &json!("bad_request")),
        "{path}: {error}"
    );
    let message = error["message"].as_str().unwrap();
    assert!(
        names.iter().all(|name| message.contains(&format!("`{name}`"))),
        "{path}: {message}"
    );
    assert!(!message.starts_with(char::is_uppercase), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_member_of_a_body_is_not_taken_for_nothing() {
    let world = World::new().await;
    let spec = |more: Value| {
        let mut spec = json!({"artifact": "Test.Rows"});
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!([spec])
    };
    for (method, path, body, names) in [
        (
            "POST",
            "clients/C.1/flows",
            json!({"artifacts": spec(json!({})), "max_row": 5}),
            ["max_row", "max_rows"],
        ),
        (
            "POST",
            "artifacts/compile",
            json!({"artifacts": spec(json!({"parameter": {}}))}),
            ["parameter", "parameters"],
        ),
        (
            "PUT",
            "monitoring/client",
            json!({"artifacts": [], "labels": []}),
            ["labels", "label_events"],
        ),
        (
            "PUT",
            "monitoring/client",
            json!({"label_events": [{"label": "x", "artefacts": []}]}),
            ["artefacts", "artifacts"],
        ),
        (
            "PUT",
            "clients/C.1/labels",
            json!({"added": ["x"]}),
            ["added", "add"],
        ),
        (
            "PUT",
            "session/password",
            json!({"current": "a", "new": "b", "newer": "c"}),
            ["newer", "new"],
        ),
        (
            "POST",
            "session",
            json!({"username": "a", "password": "b", "totp": 1}),
            ["totp", "password"],
        ),
    ] {
        is_refused(&world, method, path, Some(body), &names).await;
    }
    let browser = world.sign_in("tester").await;
    let wrong = json!({"artifacts": [{"artifact": "Test.Rows"}, {"artifact": 5}]});
    let reply = browser.call("POST", "artifacts/compile", Some(wrong)).await;
    assert!(
        reply.status == 400 && reply.text().contains("artifacts[1].artifact"),
        "where it is wrong is told: {}",
        reply.text()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_parameter_of_an_address_is_not_taken_for_nothing() {
    let world = World::new().await;
    let flow = "clients/C.1/flows/F.1";
    for (path, names) in [
        ("clients?serach=x", ["serach", "search"]),
        ("clients/C.1/flows?page=2", ["page", "offset"]),
        (&format!("{flow}/results?sorted=n"), ["sorted", "sort"]),
        (
            &format!("{flow}/results/facets?column=n&limit=3"),
            ["limit", "column"],
        ),
        (
            &format!("{flow}/results/export?format=csv&sort=n"),
            ["sort", "columns"],
        ),
        (&format!("{flow}/logs?source=x"), ["source", "filter"]),
        (
            "clients/C.1/process-tree?process=1&flow=F.1&depth=2",
            ["depth", "process"],
        ),
        ("clients/C.1/events/A/B?from=x", ["from", "start"]),
        ("artifacts?kind=client", ["kind", "type"]),
        ("audit?principal=x", ["principal", "filter"]),
        ("search?query=x", ["query", "q"]),
        ("events?topic=clients", ["topic", "topics"]),
        ("clients/C.1?fields=os", ["fields", "fields"]),
        ("server/status?verbose=1", ["verbose", "verbose"]),
    ] {
        is_refused(&world, "GET", path, None, &names).await;
    }
    let condition = crate::common::http::encode(r#"[{"column":"n","operator":"eq","value":1}]"#);
    let path = format!("{flow}/results?filter={condition}");
    is_refused(&world, "GET", &path, None, &["operator", "op"]).await;
}
