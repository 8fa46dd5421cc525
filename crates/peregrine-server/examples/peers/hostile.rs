//! Attacks. Each runs on many connections at once, and begins again whenever the server ends one. Half of the strangers
//! connect from 127.0.0.1, where the honest agents are, the others from another address.

use crate::common::agent::Agent;
use crate::dial::{self, Dialer, HttpConnection};
use peregrine_proto::{VeloMessage, VqlResponse};
use peregrine_server::Config;
use peregrine_wire::{CipherSession, PrivateKey, enrol, ids, pack};
use std::collections::BTreeMap;
use std::io::{Error, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What the attackers share.
struct Attackers {
    dialer: Arc<Dialer>,
    /// Enrolled agents with the nonce that attack.
    traitors: Vec<Agent>,
    /// For each traitor, its expensive packets.
    bombs: Vec<Vec<Vec<u8>>>,
    /// The size of a real packet, but cannot be decrypted.
    garbage: Vec<u8>,
    server_key: peregrine_wire::PublicKey,
    nonce: String,
    key: Arc<PrivateKey>,
}

/// Number of enrolled attackers.
const TRAITORS: usize = 4;
/// Connections of each attack at a time.
const PER_TRAITOR: usize = 6;
const HALVES: usize = 300;
const GARBAGE: usize = 64;
const IDENTITIES: usize = 32;
const CROWD: usize = 3000;
const FRAMES: usize = 200;
/// Bytes that a request announces, and those it sends at once.
const ANNOUNCED: usize = 19 << 20;
const SENT: usize = 8 << 20;

pub(crate) async fn run(dialer: Arc<Dialer>, config: &Config, kinds: Vec<String>) {
    let attackers = Arc::new(prepare(dialer, config).await);
    println!("{{\"ready\":true}}");
    let done: Arc<BTreeMap<String, AtomicU64>> = Arc::new(
        kinds
            .iter()
            .map(|kind| (kind.clone(), AtomicU64::new(0)))
            .collect(),
    );
    for kind in &kinds {
        let count = match kind.as_str() {
            "bombs" | "traitors" => TRAITORS * PER_TRAITOR,
            "halves" => HALVES,
            "garbage" => GARBAGE,
            "identities" => IDENTITIES,
            "crowd" => CROWD,
            "frames" => FRAMES,
            _ => panic!("no attack `{kind}`"),
        };
        for number in 0..count {
            let (attackers, done, kind) = (attackers.clone(), done.clone(), kind.clone());
            tokio::spawn(async move {
                loop {
                    let round = done[&kind].fetch_add(1, Ordering::Relaxed);
                    let _ = attack(&attackers, &kind, number, round).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    }
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    let _ = ended.await;
    let counts: BTreeMap<&String, u64> = done
        .iter()
        .map(|(kind, count)| (kind, count.load(Ordering::Relaxed)))
        .collect();
    println!("{}", serde_json::json!({ "attempts": counts }));
    // Running attacks are not waited for.
    std::process::exit(0);
}

async fn prepare(dialer: Arc<Dialer>, config: &Config) -> Attackers {
    let pem = dialer.server_pem().await;
    let mut traitors = Vec::new();
    for _ in 0..TRAITORS {
        let key = Arc::new(PrivateKey::generate().unwrap());
        let agent = dialer.agent(config, &pem, key).await;
        let mut connection = HttpConnection::new(1);
        let request = enrol::request(&agent.key).unwrap();
        connection
            .status(&dialer, "/control", agent.seal(vec![request]))
            .await
            .unwrap();
        traitors.push(agent);
    }
    let contents = bomb_contents(&traitors[0]);
    let seal = |agent: &Agent| {
        let packets = contents.iter().map(|blobs| {
            let content = pack::compressed(blobs.clone(), &agent.nonce);
            agent.session.seal(&content).unwrap()
        });
        packets.collect()
    };
    let bombs = traitors.iter().map(seal).collect();
    let first = &traitors[0];
    let mut garbage = first.seal(vec![first.checkin()]);
    let middle = garbage.len() - 450;
    garbage[middle] ^= 0x55;
    Attackers {
        server_key: first.server_key.clone(),
        nonce: first.nonce.clone(),
        key: first.key.clone(),
        dialer,
        bombs,
        garbage,
        traitors,
    }
}

/// Small packets that grow large, each as its blobs: lines that are not rows, rows that get columns added, one endless
/// row, empty blobs, many blobs, rows of collections that do not exist.
fn bomb_contents(agent: &Agent) -> Vec<Vec<Vec<u8>>> {
    let rows = |flow: &str, source: &str, text: &[u8]| {
        let mut message = agent.rows(flow, source, 0, &[]);
        let response = VqlResponse {
            jsonl_response: String::new(),
            compressed_json_response: pack::compress(text),
            ..message.vql_response.take().unwrap()
        };
        message.vql_response = Some(response);
        message
    };
    let events = "Linux.Events.TrackProcesses";
    let endless = format!("{{\"a\":\"{}\"}}\n", "x".repeat(60 << 20));
    let plain = |text: String| {
        let mut message = agent.rows(ids::MONITORING, events, 1, &[]);
        message.vql_response.as_mut().unwrap().jsonl_response = text;
        message
    };
    let blob = |message: VeloMessage| pack::compress(&pack::batch(vec![message]));
    vec![
        vec![blob(rows(ids::MONITORING, events, &b"x\n".repeat(45 << 20)))],
        vec![blob(rows(ids::MONITORING, events, &b"{}\n".repeat(30 << 20)))],
        vec![blob(rows(ids::MONITORING, events, endless.as_bytes()))],
        vec![blob(plain(endless))],
        vec![blob(rows(
            "F.NOSUCHFLOW000",
            "Test.Rows",
            &b"{\"a\":1}\n".repeat(10 << 20),
        ))],
        vec![pack::compress(&vec![0; 99 << 20]); 8],
        vec![blob(VeloMessage::default()); 60_000],
        vec![blob(rows(ids::MONITORING, events, &b"\n".repeat(95 << 20))); 8],
    ]
}

async fn attack(attackers: &Attackers, kind: &str, number: usize, round: u64) -> Result<()> {
    let dialer = &*attackers.dialer;
    // Half of them at the address of the honest agents.
    let from = if number.is_multiple_of(2) {
        1
    } else {
        2 + (number % 8) as u8
    };
    let traitor = number % TRAITORS;
    match kind {
        "bombs" => {
            let mut connection = HttpConnection::new(1);
            let bombs = &attackers.bombs[traitor];
            for at in 0..bombs.len() {
                let bomb = bombs[(at + number) % bombs.len()].clone();
                connection.status(dialer, "/control", bomb).await?;
            }
            Ok(())
        }
        // A genuine packet first, so that the half body that follows counts as an agent's.
        "traitors" => {
            let mut stream = dialer.tls(1).await?;
            let agent = &attackers.traitors[traitor];
            let genuine = agent.seal(vec![agent.checkin()]);
            stream.write_all(&head(genuine.len())).await?;
            stream.write_all(&genuine).await?;
            let mut answer = [0; 1024];
            let _ = stream.read(&mut answer).await?;
            send_slowly(stream, ANNOUNCED, SENT).await
        }
        "halves" => send_slowly(dialer.tls(from).await?, ANNOUNCED, 200 << 10).await,
        "garbage" => {
            let mut connection = HttpConnection::new(from);
            for number in 0..200 {
                let mut garbage = attackers.garbage.clone();
                let at = garbage.len() - 460 + number;
                garbage[at] ^= 0x77;
                connection.status(dialer, "/control", garbage).await?;
            }
            Ok(())
        }
        "identities" => {
            let mut connection = HttpConnection::new(from);
            // Client ids that do not exist, which the server learns only by decrypting the packet.
            let name = format!("C.{:016x}", round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let session =
                CipherSession::new(&name, &attackers.key, &attackers.server_key).map_err(Error::other)?;
            let mut request = enrol::request(&attackers.key).map_err(Error::other)?;
            if let (Some(csr), 1) = (&mut request.csr, round % 2) {
                csr.pem = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n".to_vec();
            }
            let content = pack::plain(pack::batch(vec![request]), &attackers.nonce);
            let packet = session.seal(&content).map_err(Error::other)?;
            connection.status(dialer, "/control", packet).await?;
            Ok(())
        }
        "crowd" => match number % 4 {
            0 => silent(dialer.tcp(from).await?).await,
            1 => silent(dialer.tls(from).await?).await,
            2 => {
                let mut stream = dialer.tls(from).await?;
                stream.write_all(b"POST /control HTTP/1.1\r\nhost").await?;
                silent(stream).await
            }
            _ => {
                let mut stream = dialer.tls(from).await?;
                let mut request = b"POST /control HTTP/1.1\r\nhost: ".to_vec();
                request.resize(300 << 10, b'x');
                stream.write_all(&request).await?;
                silent(stream).await
            }
        },
        "frames" => {
            let mut socket = dialer.websocket(from, "/control").await?;
            if number.is_multiple_of(4) {
                let agent = &attackers.traitors[traitor];
                dial::send(&mut socket, agent.seal(vec![agent.checkin()])).await?;
                dial::receive(&mut socket).await?;
            }
            let stream = socket.get_mut();
            // A masked binary frame of 9 MiB without its last megabyte.
            let mut frame = vec![0x82, 0xff];
            frame.extend_from_slice(&(9_u64 << 20).to_be_bytes());
            frame.resize(frame.len() + 4 + SENT, 0);
            stream.write_all(&frame).await?;
            silent(stream).await
        }
        _ => Ok(()),
    }
}

fn head(length: usize) -> Vec<u8> {
    format!("POST /control HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").into_bytes()
}

/// Sends a part at once, and the rest as slowly as the server allows.
async fn send_slowly<S: AsyncReadExt + AsyncWriteExt + Unpin>(
    mut stream: S,
    announced: usize,
    sent: usize,
) -> Result<()> {
    stream.write_all(&head(announced)).await?;
    stream.write_all(&vec![0; sent]).await?;
    loop {
        let mut answer = [0; 256];
        match tokio::time::timeout(Duration::from_secs(1), stream.read(&mut answer)).await {
            Ok(_) => return Ok(()),
            Err(_) => stream.write_all(&[0; 2048]).await?,
        }
    }
}

/// Sends nothing more until the server closes the connection.
async fn silent<S: AsyncReadExt + Unpin>(mut stream: S) -> Result<()> {
    let mut answer = [0; 1024];
    while stream.read(&mut answer).await? > 0 {}
    Ok(())
}
