//! Accounts, signing in, and password guessing.

use crate::common::http::Browser;
use crate::common::{PASSWORD, World};
use peregrine_server::{Accounts, Role, Storage};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_an_administrator_once() {
    let mut world = World::new().await;
    let admin = world.server().initial_admin().unwrap().clone();
    assert!(admin.password.len() >= 20);
    let mut browser = Browser::new(world.server().addresses().gui);
    assert_eq!(browser.sign_in(&admin.name, &admin.password).await.status, 200);
    world.stop().await;
    world.start().await;
    assert!(world.server().initial_admin().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_in_and_out() {
    let world = World::new().await;
    let address = world.server().addresses().gui;
    let mut browser = Browser::new(address);
    assert_eq!(browser.call("GET", "session", None).await.status, 401);
    let reply = browser.sign_in("TESTER", PASSWORD).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let session = browser.get("session").await;
    assert_eq!(session["user"]["name"], "tester");
    assert!(
        session["user"]["permissions"]
            .as_array()
            .unwrap()
            .contains(&json!("COLLECT_CLIENT"))
    );
    assert_eq!(session["csrf_token"], browser.csrf.as_str());

    let weak = json!({"current": PASSWORD, "new": "short"});
    let reply = browser.call("PUT", "session/password", Some(weak)).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (400, &json!("weak_password"))
    );
    let mistyped = json!({"current": "not it", "new": "another long password"});
    let reply = browser.call("PUT", "session/password", Some(mistyped)).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (403, &json!("wrong_password")),
        "401 would mean that nobody is signed in"
    );
    browser.get("session").await;
    let other = world.sign_in("tester").await;
    let new = json!({"current": PASSWORD, "new": "another long password"});
    assert_eq!(
        browser.call("PUT", "session/password", Some(new)).await.status,
        204
    );
    assert_eq!(
        other.call("GET", "session", None).await.status,
        401,
        "other sessions end"
    );
    browser.get("session").await;
    assert_eq!(browser.call("DELETE", "session", None).await.status, 204);
    assert_eq!(browser.call("GET", "session", None).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_throttled() {
    let world = World::new().await;
    let mut browser = Browser::new(world.server().addresses().gui);
    for attempt in 0..5 {
        let reply = browser.sign_in("tester", "wrong").await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (401, &json!("bad_credentials")),
            "{attempt}"
        );
    }
    let reply = browser.sign_in("tester", PASSWORD).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (429, &json!("throttled"))
    );
    assert!(reply.headers.contains_key("retry-after"));
    assert_eq!(
        browser.sign_in("looker", PASSWORD).await.status,
        200,
        "others are not affected"
    );
    assert_eq!(browser.sign_in("nobody", "wrong").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_once_are_counted_before_they_are_looked_at() {
    let mut world = World::new().await;
    let address = world.server().addresses().gui;
    let guesses: Vec<_> = (0..60)
        .map(|n| {
            tokio::spawn(async move {
                let reply = Browser::new(address)
                    .sign_in("tester", &format!("guess {n}"))
                    .await;
                reply.status
            })
        })
        .collect();
    let mut looked_at = 0;
    for guess in guesses {
        match guess.await.unwrap() {
            401 => looked_at += 1,
            status => assert_eq!(status, 429),
        }
    }
    assert!(
        (5..12).contains(&looked_at),
        "{looked_at} of 60; after five, each failure doubles the wait"
    );
    let mut looked_at = 0;
    for n in 0..40 {
        let reply = Browser::new(address).sign_in(&format!("user{n}"), "guess").await;
        looked_at += u32::from(reply.status == 401);
    }
    assert!(
        (1..30).contains(&looked_at),
        "{looked_at} of 40 names from one address"
    );
    world.stop().await;
    world.start().await;
    let audit = world.sign_in("tester").await.get("audit?limit=500").await;
    let failures: Vec<String> = audit["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(Value::to_string)
        .filter(|row| {
            [
                "Invalid password",
                "Unknown username",
                "Sign-in refused",
                "Failed sign-ins",
            ]
            .iter()
            .any(|name| row.contains(name))
        })
        .collect();
    assert!(
        (2..=6).contains(&failures.len()),
        "a hundred failures are a few lines: {failures:#?}"
    );
    assert!(
        failures.iter().any(|row| row.contains("\"refused\"")),
        "{failures:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_change_beside_a_running_server() {
    let world = World::new().await;
    let accounts = Accounts::open(
        world.folder.path(),
        Storage::embedded_database(world.folder.path()),
    )
    .unwrap();
    let browser = world.sign_in("tester").await;
    accounts
        .set_password("TESTER", "a fresh long phrase")
        .await
        .unwrap();
    assert_eq!(
        browser.call("GET", "session", None).await.status,
        401,
        "sessions end"
    );
    let mut browser = Browser::new(browser.address);
    assert_eq!(browser.sign_in("tester", PASSWORD).await.status, 401);
    assert_eq!(browser.sign_in("tester", "a fresh long phrase").await.status, 200);
    accounts.add("new one", PASSWORD, &[Role::Reader]).await.unwrap();
    let new_one = world.sign_in("new one").await;
    let roles = async || new_one.get("session").await["user"]["roles"].clone();
    assert_eq!(roles().await, json!(["reader"]));
    // Roles change while the session goes on.
    let granted = accounts
        .grant("NEW ONE", &[Role::Administrator, Role::Reader])
        .await;
    assert_eq!(granted.unwrap(), ["reader", "administrator"]);
    assert_eq!(roles().await, json!(["reader", "administrator"]));
    assert_eq!(new_one.call("GET", "audit", None).await.status, 200);
    accounts
        .set_roles("new one", &[Role::Investigator])
        .await
        .unwrap();
    assert_eq!(roles().await, json!(["investigator"]));
    assert_eq!(new_one.call("GET", "audit", None).await.status, 403);
    assert!(accounts.has_administrator().await.unwrap());
    for name in ["admin", "tester"] {
        accounts.set_roles(name, &[Role::Reader]).await.unwrap();
    }
    assert!(!accounts.has_administrator().await.unwrap());
    accounts.grant("tester", &[Role::Administrator]).await.unwrap();
    assert!(accounts.set_roles("nobody", &[Role::Reader]).await.is_err());
    for (name, password, part) in [
        ("New One", PASSWORD, "exists already"),
        ("server", PASSWORD, "cannot be a user name"),
        ("a\u{1b}b", PASSWORD, "cannot be a user name"),
        ("other", "short", "too short"),
    ] {
        let error = accounts.add(name, password, &[Role::Reader]).await.unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = accounts.set_password("nobody", PASSWORD).await.unwrap_err();
    assert_eq!(error.to_string(), "user `nobody` not found");
    let audit = browser.get("audit?limit=500").await["rows"].to_string();
    assert!(
        ["command line", "Update password", "user_grant"]
            .iter()
            .all(|part| audit.contains(part)),
        "{audit}"
    );
}
