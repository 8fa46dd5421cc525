//! Every route against what hostile and careless callers try. A route that is not in the table fails the test.

use crate::common::http::{self, Browser};
use crate::common::{PASSWORD, World};
use bytes::Bytes;
use http_body_util::Full;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOURCE: &str = include_str!("../../src/api/mod.rs");

/// A route as it is called by who may.
struct Door {
    method: &'static str,
    /// As in the router.
    route: &'static str,
    /// What replaces the names in braces, in order; the default is the client and the collection.
    names: &'static [&'static str],
    query: &'static str,
    body: Value,
    needs: Needs,
}

#[derive(PartialEq, Clone, Copy)]
enum Needs {
    Nothing,
    Session,
    Permission,
}

fn doors() -> Vec<Door> {
    let door = |method, route, body, needs| Door {
        method,
        route,
        names: &[],
        query: "",
        body,
        needs,
    };
    let get = |route| door("GET", route, Value::Null, Needs::Permission);
    let put = |method, route, body| door(method, route, body, Needs::Permission);
    let collect = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    vec![
        door(
            "POST",
            "/session",
            json!({"username": "a", "password": "b"}),
            Needs::Nothing,
        ),
        door("GET", "/session", Value::Null, Needs::Session),
        door("DELETE", "/session", Value::Null, Needs::Session),
        door(
            "PUT",
            "/session/password",
            json!({"current": "a", "new": "b"}),
            Needs::Session,
        ),
        get("/clients"),
        get("/clients/suggestions"),
        get("/clients/{client_id}"),
        put("DELETE", "/clients/{client_id}", Value::Null),
        put("POST", "/clients/{client_id}/kill", Value::Null),
        get("/clients/{client_id}/interrogation"),
        put("PUT", "/clients/{client_id}/labels", json!({"add": ["x"]})),
        put("POST", "/clients/{client_id}/interrogate", Value::Null),
        put("POST", "/clients/{client_id}/flows", collect.clone()),
        get("/clients/{client_id}/flows"),
        get("/clients/{client_id}/flows/{flow_id}"),
        put("DELETE", "/clients/{client_id}/flows/{flow_id}", Value::Null),
        put("POST", "/clients/{client_id}/flows/{flow_id}/cancel", Value::Null),
        Door {
            names: &["", "", "0"],
            ..get("/clients/{client_id}/flows/{flow_id}/uploads/{number}")
        },
        Door {
            query: "?source=Test.Rows/All",
            ..get("/clients/{client_id}/flows/{flow_id}/results")
        },
        Door {
            query: "?source=Test.Rows/All&column=Count",
            ..get("/clients/{client_id}/flows/{flow_id}/results/facets")
        },
        Door {
            query: "?source=Test.Rows/All&format=csv",
            ..get("/clients/{client_id}/flows/{flow_id}/results/export")
        },
        get("/clients/{client_id}/flows/{flow_id}/logs"),
        get("/clients/{client_id}/events"),
        Door {
            names: &["", "Test.Events"],
            ..get("/clients/{client_id}/events/{*artifact}")
        },
        Door {
            query: "?flow=F.MISSING&process=1",
            ..get("/clients/{client_id}/process-tree")
        },
        door("GET", "/favorites", Value::Null, Needs::Session),
        door(
            "PUT",
            "/favorites",
            json!({"type": "CLIENT", "name": "x", "spec": [{"artifact": "Test.Rows"}]}),
            Needs::Session,
        ),
        Door {
            names: &["CLIENT", "x"],
            ..door("DELETE", "/favorites/{type}/{name}", Value::Null, Needs::Session)
        },
        put("POST", "/artifacts/compile", collect.clone()),
        Door {
            names: &["Test.Rows"],
            ..get("/artifacts/{*name}")
        },
        get("/artifacts"),
        get("/hunts"),
        put("POST", "/hunts", json!({"request": collect})),
        put("POST", "/hunts/estimate", json!({"labels": ["x"]})),
        get("/hunts/{hunt_id}"),
        put("PATCH", "/hunts/{hunt_id}", json!({"description": "x"})),
        put("POST", "/hunts/{hunt_id}/stop", json!({"cancel": false})),
        put("POST", "/hunts/{hunt_id}/copy", Value::Null),
        get("/hunts/{hunt_id}/clients"),
        put(
            "POST",
            "/hunts/{hunt_id}/clients",
            json!({"client_id": "C.0000000000000bad"}),
        ),
        get("/hunts/{hunt_id}/sources"),
        get("/hunts/{hunt_id}/results"),
        Door {
            query: "?column=Count",
            ..get("/hunts/{hunt_id}/results/facets")
        },
        Door {
            query: "?format=csv",
            ..get("/hunts/{hunt_id}/results/export")
        },
        put("DELETE", "/hunts/{hunt_id}", Value::Null),
        get("/monitoring/client"),
        put("PUT", "/monitoring/client", json!({"artifacts": []})),
        get("/monitoring/server"),
        put("PUT", "/monitoring/server", json!({"artifacts": []})),
        put("POST", "/queries", json!({"vql": "SELECT 1 AS A FROM scope()"})),
        get("/queries"),
        Door {
            names: &["Q.1"],
            ..put("DELETE", "/queries/{query_id}", Value::Null)
        },
        get("/server/status"),
        Door {
            query: "?topics=clients",
            ..get("/events")
        },
        get("/audit"),
        Door {
            query: "?q=x",
            ..get("/search")
        },
    ]
}

/// The routes in the source of the router: method and path.
fn routes() -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for call in SOURCE.split(".route(").skip(1) {
        let path = call.split('"').nth(1).unwrap();
        // Up to the next route, or the end of the statement.
        let handlers = call.split(';').next().unwrap();
        for method in ["get", "post", "put", "delete", "patch"] {
            let is_used = handlers
                .split(|c: char| !c.is_alphanumeric() && c != '(' && c != '_' && c != ':')
                .any(|word| word.starts_with(&format!("{method}(")));
            if is_used {
                found.insert((method.to_uppercase(), path.to_owned()));
            }
        }
    }
    found
}

impl Door {
    /// The address, with these ids.
    fn path(&self, client_id: &str, flow_id: &str, hunt_id: &str) -> String {
        let mut names = self.names.iter();
        let parts = self.route.trim_start_matches('/').split('/').map(|part| {
            let given = part
                .starts_with('{')
                .then(|| names.next().copied().unwrap_or_default());
            match (part, given) {
                (_, Some(name)) if !name.is_empty() => name,
                ("{client_id}", _) => client_id,
                ("{flow_id}", _) => flow_id,
                ("{hunt_id}", _) => hunt_id,
                _ => part,
            }
        });
        parts.collect::<Vec<_>>().join("/") + self.query
    }

    fn has_body(&self) -> bool {
        !self.body.is_null()
    }
}

async fn with_body(browser: &Browser, door: &Door, path: &str, body: Vec<u8>) -> u16 {
    let (parts, _) = browser.request(door.method, path, None).into_parts();
    let request = http_request(parts, body);
    http::send(browser.address, request).await.status
}

/// The answer to a request that announces a large body and sends none of it.
async fn announcing(browser: &Browser, door: &Door, path: &str, length: usize) -> u16 {
    let request = browser.request(door.method, path, None);
    let mut head = format!("{} {} HTTP/1.1\r\n", door.method, request.uri());
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    head += &format!("content-length: {length}\r\n\r\n");
    let mut stream = TcpStream::connect(browser.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    tokio::time::timeout(http::PATIENCE, stream.read_exact(&mut status))
        .await
        .expect("an answer without waiting for the body")
        .unwrap();
    String::from_utf8_lossy(&status[9..]).parse().unwrap()
}

fn http_request(parts: hyper::http::request::Parts, body: Vec<u8>) -> hyper::Request<Full<Bytes>> {
    hyper::Request::from_parts(parts, Full::new(Bytes::from(body)))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_what_it_must() {
    let table: BTreeSet<(String, String)> = doors()
        .iter()
        .map(|door| (door.method.to_owned(), door.route.to_owned()))
        .collect();
    assert_eq!(routes(), table, "the router and the table of this test");

    let world = World::new().await;
    let agent = world.agent().await;
    // A role that no route asks for.
    let server = world.server();
    server
        .put_user("powerless", PASSWORD, &["artifact_writer"])
        .await
        .unwrap();
    let admin = world.sign_in("tester").await;
    let powerless = world.sign_in("powerless").await;
    let stranger = Browser::new(admin.address);
    let forged = Browser {
        csrf: "x".repeat(admin.csrf.len()),
        ..admin.clone()
    };
    let flow = admin.get(&format!("clients/{}/flows", agent.id)).await["flows"][0]["flow_id"].take();
    let flow_id = flow.as_str().unwrap().to_owned();
    let hunt = json!({"request": {"artifacts": [{"artifact": "Test.Rows"}]}});
    let hunt = admin.call("POST", "hunts", Some(hunt)).await.json()["hunt_id"].take();
    let hunt_id = hunt.as_str().unwrap().to_owned();
    let mut wrong = Vec::new();
    let mut expect = |door: &Door, attempt: &str, status: u16, allowed: &[u16]| {
        if !allowed.contains(&status) {
            wrong.push(format!("{} {} {attempt}: {status}", door.method, door.route));
        }
    };
    for door in doors() {
        let path = door.path(&agent.id, &flow_id, &hunt_id);
        let body = door.has_body().then(|| door.body.clone());
        if door.needs != Needs::Nothing {
            let status = stranger.call(door.method, &path, body.clone()).await.status;
            expect(&door, "without a session", status, &[401]);
        }
        if door.method != "GET" && door.needs != Needs::Nothing {
            let status = forged.call(door.method, &path, body.clone()).await.status;
            expect(&door, "from another site", status, &[403]);
        }
        if door.needs == Needs::Permission {
            let status = powerless.call(door.method, &path, body.clone()).await.status;
            expect(&door, "without permission", status, &[403]);
        }
        if door.has_body() {
            for (attempt, body) in [
                ("with half a body", b"{".to_vec()),
                ("with a body of another kind", b"[[1]]".to_vec()),
                ("with bytes that are no text", b"{\"\xff\": 1}".to_vec()),
            ] {
                let status = with_body(&admin, &door, &path, body).await;
                expect(&door, attempt, status, &[400]);
            }
            let status = announcing(&admin, &door, &path, 64 << 20).await;
            expect(&door, "with an endless body", status, &[413]);
        }
        let odd = format!("{path}{}x%00=%FF", if path.contains('?') { '&' } else { '?' });
        let status = admin.call(door.method, &odd, body.clone()).await.status;
        expect(&door, "with an odd query string", status, &[400]);
        if path.contains(&flow_id) || door.route.contains("{flow_id}") {
            let missing = door.path(&agent.id, "F.MISSING", &hunt_id);
            let status = admin.call(door.method, &missing, body.clone()).await.status;
            expect(&door, "of another collection", status, &[404]);
        }
        if door.route.contains("{client_id}") {
            let missing = door.path("C.0000000000000bad", &flow_id, &hunt_id);
            let status = admin.call(door.method, &missing, body.clone()).await.status;
            expect(&door, "of another client", status, &[404]);
            let malformed = door.path("..%2F..", &flow_id, &hunt_id);
            let status = admin.call(door.method, &malformed, body.clone()).await.status;
            expect(&door, "of no client", status, &[400]);
        }
        if door.route.contains("{hunt_id}") {
            for (attempt, hunt_id, status) in [
                ("of another hunt", "H.MISSING", 404),
                ("of no hunt", "..%2F..", 400),
            ] {
                let wrong = door.path(&agent.id, &flow_id, hunt_id);
                let answer = admin.call(door.method, &wrong, body.clone()).await.status;
                expect(&door, attempt, answer, &[status]);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let left = admin.get(&format!("clients/{}/flows", agent.id)).await;
    assert_eq!(left["total"], 1, "nothing was changed");
    let left = admin.get("hunts").await;
    assert_eq!(
        (&left["total"], &left["hunts"][0]["state"]),
        (&json!(1), &json!("paused"))
    );
}
