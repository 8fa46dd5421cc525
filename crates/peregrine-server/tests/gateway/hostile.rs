//! Peers that lie, dawdle, swell or crowd.

use crate::common::agent::Agent;
use crate::common::{World, http};
use crate::{collect, flow, numbers, refused};
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_wire::{CipherSession, ids, pack};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn hostile_packets_are_refused_counted_and_harm_nobody() {
    let world = World::new().await;
    let agent = world.agent().await;
    let good = agent.seal(vec![agent.checkin()]);
    let status = async |body: Vec<u8>| http::post(agent.address, "/control", body).await.status;

    assert_eq!(status(b"not a packet".to_vec()).await, 403);
    assert_eq!(status(Vec::new()).await, 403);
    for length in [1, 10, 100, good.len() / 2, good.len() - 1] {
        assert_eq!(status(good[..length].to_vec()).await, 403, "cut at {length}");
    }
    let mut flipped = good.clone();
    let at = flipped.len() - 10;
    flipped[at] ^= 1;
    assert_eq!(status(flipped).await, 403, "bad code");
    let server_key = peregrine_wire::pki::facts(&world.config.frontend.certificate)
        .unwrap()
        .key
        .unwrap();
    let session = CipherSession::new(&agent.id, &agent.key, &server_key).unwrap();
    let foreign = session.seal(&pack::plain(Vec::new(), "bm9uY2U=")).unwrap();
    assert_eq!(status(foreign).await, 403, "wrong nonce");
    assert_eq!(
        status(vec![0; 3 << 20]).await,
        200,
        "too large: swallowed, so that the agent drops it"
    );
    let bomb = pack::compress(&vec![0; 101 << 20]);
    let bomb = agent
        .session
        .seal(&pack::compressed(vec![bomb], &agent.nonce))
        .unwrap();
    assert_eq!(status(bomb).await, 400, "a decompression bomb is dropped");
    let nonsense = agent
        .session
        .seal(&pack::plain(vec![0xff; 100], &agent.nonce))
        .unwrap();
    assert_eq!(status(nonsense).await, 400, "genuine, but no message list");
    // Somebody who knows the client's id but not its key.
    let other = Agent::new(world.frontend(), &world.config).await;
    let thief = CipherSession::new(&agent.id, &other.key, &server_key).unwrap();
    let stolen = thief
        .seal(&pack::plain(pack::batch(vec![agent.checkin()]), &agent.nonce))
        .unwrap();
    assert_eq!(status(stolen).await, 406, "not authenticated");

    let counted = refused(&world).await;
    assert_eq!(counted["bad_nonce"], 1, "{counted}");
    assert_eq!(counted["too_large"], 1, "{counted}");
    assert!(counted["malformed"].as_u64().unwrap() >= 3, "{counted}");
    assert!(counted["bad_hmac"].as_u64().unwrap() >= 1, "{counted}");
    agent.say(vec![agent.checkin()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_unpacks_to_too_much_is_bounded_and_told() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    let id = collect(&world, &agent).await;
    agent.poll().await;
    let nonsense = pack::compress("x\n".repeat(2 << 20).as_bytes());
    let bomb = |flow: &str| {
        let mut message = agent.rows(flow, "Test.Rows/All", 0, &[]);
        message.vql_response.as_mut().unwrap().compressed_json_response = nonsense.clone();
        message
    };
    let packet = agent.seal(vec![bomb("F.NOSUCHFLOW000")]);
    assert!(packet.len() < 8 << 10, "{}", packet.len());
    assert_eq!(
        http::post(agent.address, "/control", packet).await.status,
        200,
        "not even unpacked"
    );
    let packet = agent.seal(vec![bomb(&id), agent.log(&id, 0, "never read")]);
    assert_eq!(
        http::post(agent.address, "/control", packet).await.status,
        400,
        "dropped"
    );
    agent
        .say(vec![agent.stats(&id, ReturnedStatus::Ok, "", true)])
        .await;
    let view = flow(&world, &agent, &id).await;
    assert!(view["rows"].as_u64().unwrap() < 1_100_000, "{view}");
    assert!(
        view["status"].as_str().unwrap().contains("unpacks to too much"),
        "{view}"
    );
    assert_eq!(refused(&world).await["too_large"], 1);
    // Events of an artifact nobody knows are nothing.
    let stray = agent.rows(ids::MONITORING, "No.Such.Artifact", 0, &numbers(0..4));
    agent.say(vec![stray]).await;
    let browser = world.sign_in("tester").await;
    let listed = browser.get(&format!("clients/{}/events", agent.id)).await;
    assert_eq!(listed["artifacts"], json!([]));
}

/// A connection from another address of this machine.
async fn from_elsewhere(world: &World) -> tokio::net::TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    socket.connect(world.frontend()).await.unwrap()
}

fn half_a_post(length: usize, sent: usize) -> Vec<u8> {
    let mut request =
        format!("POST /control HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    request.resize(request.len() + sent, 0);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_stop_nobody() {
    let world = World::with(|config| config.frontend.resources.concurrency = 1).await;
    let agent = world.agent().await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = from_elsewhere(&world).await;
        stream.write_all(&half_a_post(2 << 20, 100 << 10)).await.unwrap();
        slow.push(stream);
    }
    agent
        .say(vec![agent.rows(
            ids::MONITORING,
            "Linux.Events.TrackProcesses",
            0,
            &numbers(0..4),
        )])
        .await;
    let packet = agent.seal(vec![agent.log(ids::MONITORING, 0, &"x".repeat(200 << 10))]);
    assert_eq!(http::post(agent.address, "/control", packet).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_keeps_no_agent_from_enrolling() {
    let world = World::with(|config| config.frontend.resources.enrollments_per_second = 3).await;
    let agent = Agent::new(world.frontend(), &world.config).await;
    let good = agent.seal(vec![agent.checkin()]);
    let mut statuses = Vec::new();
    for number in 0..60u8 {
        // As large as a packet is, but nothing that anybody could open.
        let mut garbage = good.clone();
        let at = garbage.len() - 450 + usize::from(number);
        garbage[at] ^= 0x55;
        let mut stream = from_elsewhere(&world).await;
        let mut request = half_a_post(garbage.len(), 0);
        request.extend(&garbage);
        stream.write_all(&request).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        statuses.push(String::from_utf8_lossy(&answer[9..]).into_owned());
    }
    assert!(statuses.iter().any(|status| status == "403"), "{statuses:?}");
    agent.enrol().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_bounded_and_agents_are_not() {
    let world = World::with(|config| {
        config.frontend.resources.max_strangers_per_address = 20;
        config.client.max_poll = 60;
    })
    .await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(from_elsewhere(&world).await);
    }
    let mut one_more = from_elsewhere(&world).await;
    let closed = one_more.read(&mut [0; 1]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    assert!(refused(&world).await["too_many"].as_u64().unwrap() >= 1);
    // More agents than strangers may be, all behind one address.
    let mut waiting = Vec::new();
    for _ in 0..25 {
        let agent = Agent::new(world.frontend(), &world.config).await;
        agent.enrol().await;
        waiting.push(agent.wait().await);
    }
    assert_eq!(http::get(world.frontend(), "/healthz").await.status, 200);
}
