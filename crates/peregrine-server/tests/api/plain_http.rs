//! Plain HTTP on a TLS port gets an answer that says what to do.

use super::common::World;
use super::common::http::{get, post, send};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(super::common::http::PATIENCE, stream.read_to_end(&mut answer));
    reading.await.expect("the connection is closed").unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_is_led_to_tls_or_told_of_it() {
    let world = World::with(|config| {
        config.gui.use_plain_http = false;
        config.frontend.use_plain_http = false;
    })
    .await;
    let gui = world.server().addresses().gui;
    let reply = get(gui, "/clients/C.1?filter=a%20b&x=1").await;
    assert_eq!(reply.status, 308);
    let secure = format!("https://{gui}/clients/C.1?filter=a%20b&x=1");
    assert_eq!(reply.headers["location"], secure);
    assert_eq!(reply.headers["cache-control"], "no-store");
    let named = hyper::Request::get("/").header("host", "localhost:8889");
    let named = send(gui, named.body(http_body_util::Full::default()).unwrap()).await;
    assert_eq!(named.headers["location"], "https://localhost:8889/");

    // A password sent in the clear must not be redirected silently.
    let reply = post(gui, "/api/v1/session", vec![b'x'; 20_000]).await;
    assert_eq!(reply.status, 400);
    assert!(!reply.headers.contains_key("location") && reply.text().contains("use https://"));

    let agents = world.frontend();
    let reply = get(agents, "/server.pem").await;
    assert_eq!(reply.status, 400);
    let text = reply.text();
    assert!(
        text.contains("for agents and speaks TLS") && text.contains(&format!("https://{agents}/")),
        "{text}"
    );

    let programs = world.server().addresses().api.unwrap();
    let reply = get(programs, "/").await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("gRPC API"), "{}", reply.text());

    for (request, status) in [
        ("GET / HTTP/1.0\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: user@evil.example\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\nhost: two words\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
    ] {
        let answer = raw(gui, request).await;
        assert!(
            answer.split(' ').nth(1) == Some(status) && !answer.contains("location"),
            "{request}: {answer}"
        );
    }
    let endless = format!("GET /{} HTTP/1.1\r\n", "x".repeat(100_000));
    let mut stream = tokio::net::TcpStream::connect(gui).await.unwrap();
    let _ = stream.write_all(endless.as_bytes()).await;
    let mut answer = Vec::new();
    // It is closed, with or without an answer, and not kept waiting.
    let _ = tokio::time::timeout(super::common::http::PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the connection is closed");
}
