//! What an idle agent costs a server: `cargo run --release -p peregrine-server --example idle [agents]`.
//!
//! The server is a process of its own, so that its memory is only its own. The agents wait for tasks as agents do, over
//! TLS: first none, then all of them by long poll, then as many by websocket.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::World;
use common::agent::Agent;
use futures_util::{SinkExt, StreamExt};
use peregrine_server::Config;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "500".into());
    if argument == "serve" {
        serve().await;
        return;
    }
    let count: usize = argument.parse().unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address: SocketAddr = lines.next().unwrap().unwrap().parse().unwrap();
    let config = Config::parse(&std::fs::read_to_string(lines.next().unwrap().unwrap()).unwrap()).unwrap();
    let tls = connector(&config);
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
    };
    // The harness speaks plain HTTP; only a tunnel of ours speaks TLS.
    let tunnel = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = tunnel.local_addr().unwrap();
    let dial = tls.clone();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = tunnel.accept().await {
            let dial = dial.clone();
            tokio::spawn(async move {
                let far = TcpStream::connect(address).await.unwrap();
                let mut far = dial.connect("localhost".try_into().unwrap(), far).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    let mut agents = Vec::new();
    for _ in 0..2 * count {
        let agent = Agent::new(plain, &config).await;
        agent.enrol().await;
        agents.push(agent);
    }
    let (polling, listening) = agents.split_at(count);
    let before = memory();
    let mut polls = Vec::new();
    for agent in polling {
        // The first answer brings the table and an interrogation; the next one is waited for.
        agent.reader().await;
        polls.push(agent.wait().await);
    }
    let between = memory();
    println!("long poll: {:.1} KiB each", (between - before) / count as f64);
    let mut sockets = Vec::new();
    for agent in listening {
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = tls
            .connect("localhost".try_into().unwrap(), stream)
            .await
            .unwrap();
        let url = format!("ws://{address}/reader");
        let mut socket = tokio_tungstenite::client_async(url, stream).await.unwrap().0;
        socket
            .send(Message::Binary(agent.seal(vec![agent.checkin()]).into()))
            .await
            .unwrap();
        socket.next().await.unwrap().unwrap();
        sockets.push(socket);
    }
    println!("websocket: {:.1} KiB each", (memory() - between) / count as f64);
    server.kill().unwrap();
    server.wait().unwrap();
}

/// A server, until its standard input ends.
async fn serve() {
    let world = World::with(|config| {
        config.frontend.use_plain_http = false;
        config.frontend.resources.enrollments_per_second = -1;
        config.client.max_poll = 3600;
    })
    .await;
    println!("{}", world.frontend());
    println!("{}", Config::server_file(world.folder.path()).display());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ended.await.unwrap().unwrap();
}

fn connector(config: &Config) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    let ca = peregrine_wire::pem::first(&config.client.ca_certificate, "CERTIFICATE").unwrap();
    roots.add(ca.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(tls))
}
