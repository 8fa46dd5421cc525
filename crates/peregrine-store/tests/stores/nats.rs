//! The bus on a real NATS server.

#![allow(clippy::unwrap_used)]

use peregrine_store::*;
use peregrine_testkit::{Nats, PASSWORD};
use std::time::Duration;

const PASSWORD_IN_URL: &str = "tops%27%20ecret";

async fn try_connect(url: &str, options: &NatsOptions) -> Result<NatsBus> {
    NatsBus::connect(&NatsServers::One(url.to_owned()), options, "ours").await
}

async fn connect(server: &Nats) -> NatsBus {
    try_connect(&server.url(), &NatsOptions::default()).await.unwrap()
}

/// The message of a connection attempt that fails.
async fn refusal(url: &str, options: &NatsOptions) -> String {
    let text = try_connect(url, options).await.unwrap_err().to_string();
    assert!(
        !text.contains(PASSWORD) && !text.contains(PASSWORD_IN_URL),
        "{text}"
    );
    text
}

fn event(topic: &str, payload: &str) -> Received {
    Received::Event(Event {
        topic: topic.to_owned(),
        payload: payload.into(),
    })
}

/// The next message; waits a few minutes at most.
async fn next(subscription: &mut Box<dyn Subscription>) -> Received {
    let next = tokio::time::timeout(Duration::from_secs(300), subscription.next());
    next.await.unwrap().unwrap()
}

#[tokio::test]
async fn nats_passes_the_suite() {
    let Some(server) = Nats::start("") else { return };
    testing::bus(async || connect(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_passes_the_suite_while_it_sends() {
    let Some(server) = Nats::start("") else { return };
    testing::bus(async || connect(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buses_of_a_deployment_hear_each_other_in_order() {
    let Some(server) = Nats::start("") else { return };
    let (one, other) = (connect(&server).await, connect(&server).await);
    let servers = NatsServers::One(server.url());
    let stranger = NatsBus::connect(&servers, &NatsOptions::default(), "theirs")
        .await
        .unwrap();
    let mut near = one.subscribe(&["a", "b"]).await.unwrap();
    let mut far = other.subscribe(&["a", "b"]).await.unwrap();
    let mut apart = stranger.subscribe(&["a", "b"]).await.unwrap();
    for number in 0..1000 {
        let topic = if number % 3 == 0 { "a" } else { "b" };
        one.publish(topic, &number.to_string()).await.unwrap();
    }
    for number in 0..1000 {
        let topic = if number % 3 == 0 { "a" } else { "b" };
        let expected = event(topic, &number.to_string());
        assert_eq!(next(&mut near).await, expected);
        assert_eq!(next(&mut far).await, expected);
    }
    stranger.publish("a", "theirs").await.unwrap();
    assert_eq!(
        next(&mut apart).await,
        event("a", "theirs"),
        "and nothing of ours"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_broken_link_everybody_is_told_and_hears_again() {
    let Some(mut server) = Nats::start("") else { return };
    let (one, other) = (connect(&server).await, connect(&server).await);
    let mut near = one.subscribe(&["a"]).await.unwrap();
    let mut far = other.subscribe(&["a"]).await.unwrap();
    for round in 0..2 {
        server.stop();
        // More than there is room for: publishing does not wait for the link.
        for number in 0..100_000 {
            one.publish("a", &number.to_string()).await.unwrap();
        }
        server.resume();
        for subscription in [&mut near, &mut far] {
            while next(subscription).await != Received::Lagged {}
        }
        // Each bus sends a resync; everyone receives the messages after those.
        let last = format!("round {round}");
        for subscription in [&mut near, &mut far] {
            other.publish("a", &last).await.unwrap();
            loop {
                match next(subscription).await {
                    Received::Lagged => other.publish("a", &last).await.unwrap(),
                    heard if heard == event("a", &last) => break,
                    Received::Event(_) => {}
                }
            }
        }
    }
}

#[tokio::test]
async fn a_subscription_without_a_link_is_told_to_look() {
    let Some(mut server) = Nats::start("") else { return };
    let bus = connect(&server).await;
    server.stop();
    let mut subscription = bus.subscribe(&["a"]).await.unwrap();
    assert_eq!(next(&mut subscription).await, Received::Lagged);
}

#[tokio::test]
async fn any_text_is_a_topic_and_a_payload() {
    let Some(server) = Nats::start("") else { return };
    let bus = connect(&server).await;
    for text in ["", "a.b", "*", ">", "a b\r\n\t", "ü/$resync", "100 %"] {
        let mut subscription = bus.subscribe(&[text]).await.unwrap();
        bus.publish("a", "another").await.unwrap();
        bus.publish(text, text).await.unwrap();
        assert_eq!(next(&mut subscription).await, event(text, text));
    }
}

#[tokio::test]
async fn what_is_too_large_is_a_reason_to_look() {
    let Some(server) = Nats::start("max_payload: 2000") else {
        return;
    };
    let (one, other) = (connect(&server).await, connect(&server).await);
    // One larger than the server accepts, and one larger than any bus accepts.
    for size in [3000, 1 << 20] {
        let mut near = one.subscribe(&["a"]).await.unwrap();
        let mut far = other.subscribe(&["a"]).await.unwrap();
        one.publish("a", &"x".repeat(size)).await.unwrap();
        assert_eq!(next(&mut near).await, Received::Lagged);
        assert_eq!(next(&mut far).await, Received::Lagged);
    }
}

#[tokio::test]
async fn a_login_is_in_the_url_or_beside_it() {
    let accounts = format!("authorization {{ user: tester, password: \"{PASSWORD}\" }}");
    let Some(server) = Nats::start(&accounts) else {
        return;
    };
    let port = server.port();
    let beside = NatsOptions {
        user: Some("tester".to_owned()),
        password: Some(PASSWORD.to_owned()),
        ..NatsOptions::default()
    };
    let url = format!("nats://tester:{PASSWORD_IN_URL}@127.0.0.1:{port}");
    for (url, options) in [
        (server.url(), &beside),
        (url.clone(), &NatsOptions::default()),
        (url, &beside),
    ] {
        let bus = try_connect(&url, options).await.unwrap();
        let shown = format!("{bus:?} {options:?} {:?}", NatsServers::One(url));
        assert!(
            !shown.contains(PASSWORD) && !shown.contains(PASSWORD_IN_URL),
            "{shown}"
        );
    }
    let wrong = format!("nats://tester:{PASSWORD_IN_URL}x@127.0.0.1:{port}");
    for url in [
        server.url(),
        wrong,
        format!("nats://{PASSWORD_IN_URL}@127.0.0.1:{port}"),
    ] {
        let text = refusal(&url, &NatsOptions::default()).await;
        let expected = format!("`nats://127.0.0.1:{port}` refuses the login; check user, password, token");
        assert!(text.contains(&expected), "{text}");
    }
    let Some(server) = Nats::start("authorization { token: hidden }") else {
        return;
    };
    let url = format!("nats://hidden@127.0.0.1:{}", server.port());
    try_connect(&url, &NatsOptions::default()).await.unwrap();
}

#[tokio::test]
async fn an_account_that_may_not_hear_is_refused_at_the_start() {
    let account = r#"{ user: tester, password: hidden, permissions: { subscribe: "other.>" } }"#;
    let configuration = format!("authorization {{ users: [{account}] }}");
    let Some(server) = Nats::start(&configuration) else {
        return;
    };
    let url = format!("nats://tester:hidden@127.0.0.1:{}", server.port());
    let text = refusal(&url, &NatsOptions::default()).await;
    assert!(text.contains("Permissions Violation for Subscription"), "{text}");
    assert!(
        text.contains("must be allowed to publish and subscribe `peregrine.ours.*`"),
        "{text}"
    );
}

#[tokio::test]
async fn encrypted_links_check_who_is_there() {
    let tls = "tls { cert_file: server.pem, key_file: server.key, ca_file: ca.pem, verify: true }";
    let Some(server) = Nats::start(tls) else { return };
    let options = NatsOptions {
        root_certificates: Some(server.file("ca.pem").into()),
        client_certificate: Some(server.file("server.pem").into()),
        client_key: Some(server.file("server.key").into()),
        ..NatsOptions::default()
    };
    let url = format!("tls://localhost:{}", server.port());
    try_connect(&url, &options).await.unwrap();
    let text = refusal(&url.replace("localhost", "127.0.0.1"), &options).await;
    assert!(text.contains("certificate"), "{text}");
    let unknown = NatsOptions {
        root_certificates: None,
        ..options.clone()
    };
    assert!(refusal(&url, &unknown).await.contains("UnknownIssuer"));
    let anonymous = NatsOptions {
        client_certificate: None,
        client_key: None,
        ..options
    };
    refusal(&url, &anonymous).await;
    // Where the configuration asks for encryption, never without it.
    let Some(server) = Nats::start("") else { return };
    refusal(
        &format!("tls://localhost:{}", server.port()),
        &NatsOptions::default(),
    )
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("nats://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let text = refusal(&silent, &NatsOptions::default()).await;
    assert!(
        text.contains(&format!("`{silent}` does not answer; check")),
        "{text}"
    );
    // A port that is taken, but not listening.
    let reserved = tokio::net::TcpSocket::new_v4().unwrap();
    reserved.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = format!("nats://127.0.0.1:{}", reserved.local_addr().unwrap().port());
    let text = refusal(&closed, &NatsOptions::default()).await;
    assert!(
        text.contains(&format!("`{closed}` cannot be connected to (")) && text.contains("refused"),
        "{text}"
    );
    // One reachable server of the list is enough.
    let Some(server) = Nats::start("") else { return };
    let servers = NatsServers::Several(vec![closed, server.url()]);
    NatsBus::connect(&servers, &NatsOptions::default(), "ours")
        .await
        .unwrap();
}

#[tokio::test]
async fn options_that_cannot_be_are_named() {
    let user = |user: &str| NatsOptions {
        user: Some(user.to_owned()),
        ..NatsOptions::default()
    };
    let file = |path: &str| NatsOptions {
        root_certificates: Some(path.into()),
        ..NatsOptions::default()
    };
    for (url, options, expected) in [
        ("127.0.0.1:4222", NatsOptions::default(), "URL 1 cannot be read"),
        (
            "http://hidden@host",
            NatsOptions::default(),
            "URL 1 has the scheme `http`; give one like `nats://name:4222`",
        ),
        ("nats://host:4222/x", NatsOptions::default(), "behind the port"),
        ("nats://a:b%2@host", NatsOptions::default(), "bad `%`"),
        ("nats://a:hidden@host", user("b"), "several logins"),
        ("nats://host", user("b"), "give `user` with `password`"),
        (
            "nats://host",
            file("/no/such/file"),
            "`root_certificates` `/no/such/file`: No such file",
        ),
        (
            "nats://host",
            file("/proc/self/status"),
            "has no certificate in PEM",
        ),
    ] {
        let text = refusal(url, &options).await;
        assert!(
            text.contains(expected) && !text.contains("hidden"),
            "{url}: {text}"
        );
    }
}
