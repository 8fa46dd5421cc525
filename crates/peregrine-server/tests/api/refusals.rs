//! The error bodies of refused requests, from all parts of the server.

use crate::common::http::Browser;
use crate::common::{PASSWORD, World};
use serde_json::json;
use std::fmt::Write as _;

#[tokio::test(flavor = "multi_thread")]
async fn as_they_are_told() {
    let world = World::new().await;
    let agent = world.agent().await;
    let (admin, reader) = (world.sign_in("tester").await, world.sign_in("looker").await);
    let stranger = Browser::new(admin.address);
    let elsewhere = Browser {
        csrf: String::new(),
        ..admin.clone()
    };
    let (client, flows) = ("clients/:id", "clients/:id/flows");
    let collect = |artifact: &str| json!({"artifacts": [{"artifact": artifact}]});
    let mut shown = String::new();
    for (who, browser, method, path, body) in [
        ("nobody", &stranger, "GET", "clients", json!(null)),
        (
            "nobody",
            &stranger,
            "POST",
            "session",
            json!({"username": "tester", "password": "wrong"}),
        ),
        ("another site", &elsewhere, "DELETE", "session", json!(null)),
        ("a reader", &reader, "POST", flows, collect("Test.Rows")),
        ("a reader", &reader, "GET", "audit", json!(null)),
        (
            "an administrator",
            &admin,
            "PUT",
            "session/password",
            json!({"current": PASSWORD, "new": "short"}),
        ),
        (
            "",
            &admin,
            "PUT",
            "session/password",
            json!({"current": "not it", "new": "another long password"}),
        ),
        ("", &admin, "GET", "nothing", json!(null)),
        ("", &admin, "PATCH", "clients", json!(null)),
        ("", &admin, "GET", "clients/C.missing", json!(null)),
        ("", &admin, "GET", "clients/:id/flows/F.MISSING", json!(null)),
        ("", &admin, "GET", "clients/:id/flows/F.not-one", json!(null)),
        ("", &admin, "GET", "clients?serach=x", json!(null)),
        ("", &admin, "GET", "clients?limit=many", json!(null)),
        (
            "",
            &admin,
            "GET",
            "clients/:id/events/Test.Events?start=yesterday",
            json!(null),
        ),
        ("", &admin, "GET", "artifacts/No.Such", json!(null)),
        ("", &admin, "PUT", "clients/:id/labels", json!({"added": ["x"]})),
        ("", &admin, "PUT", "clients/:id/labels", json!([1])),
        ("", &admin, "POST", flows, collect("Test.Row")),
        ("", &admin, "POST", flows, collect("Test.Rows/None")),
        ("", &admin, "POST", flows, collect("Test.Watch")),
        ("", &admin, "POST", flows, json!({"artifacts": []})),
        (
            "",
            &admin,
            "POST",
            flows,
            json!({"artifacts": [{"artifact": "Test.Rows"}], "max_row": 5}),
        ),
        (
            "",
            &admin,
            "POST",
            flows,
            json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Count": "many"}}]}),
        ),
        (
            "",
            &admin,
            "POST",
            flows,
            json!({"artifacts": [{"artifact": "Test.Rows", "parameters": {"Cuont": "2"}}]}),
        ),
        (
            "",
            &admin,
            "POST",
            "artifacts/compile",
            json!({"artifacts": [{"artifact": "Test.Rows"}, {"artifact": 5}]}),
        ),
        ("", &admin, "PUT", "monitoring/client", collect("Test.Rows")),
        ("", &admin, "PUT", client, json!(null)),
    ] {
        let asked = Some(&body).filter(|body| !body.is_null());
        let reply = browser
            .call(method, &path.replace(":id", &agent.id), asked.cloned())
            .await;
        let who = if who.is_empty() {
            String::new()
        } else {
            format!("── {who}\n")
        };
        let body = asked.map(|body| format!(" {body}")).unwrap_or_default();
        writeln!(
            shown,
            "{who}{method} {path}{body}\n{} {:#}\n",
            reply.status,
            reply.json()["error"]
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}
