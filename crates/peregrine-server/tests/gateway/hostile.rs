//! Peers that lie, dawdle, send bombs or crowd others out.

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
    // An attacker who knows the client's id but not its key.
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
    // Events of an unknown artifact are dropped.
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
        // The size of a real packet, but it cannot be decrypted.
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
async fn half_bodies_behind_an_agents_own_address_leave_it_room() {
    let world = World::new().await;
    let agent = world.agent().await;
    let mut slow = Vec::new();
    for _ in 0..30 {
        let mut stream = tokio::net::TcpStream::connect(world.frontend()).await.unwrap();
        stream.write_all(&half_a_post(2 << 20, 100 << 10)).await.unwrap();
        slow.push(stream);
    }
    // Larger than a body may be without reserving room.
    let noise: String = (0..100_000u32)
        .map(|n| char::from(b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26))
        .collect();
    let packet = agent
        .session
        .seal(&pack::plain(
            pack::batch(vec![agent.log(ids::MONITORING, 0, &noise)]),
            &agent.nonce,
        ))
        .unwrap();
    assert_eq!(http::post(agent.address, "/control", packet).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_from_an_agents_own_address_keeps_it_not_from_a_new_session() {
    let world = World::with(|config| config.frontend.resources.enrollments_per_second = 50).await;
    let agent = world.agent().await;
    let good = agent.seal(vec![agent.checkin()]);
    let mut senders = Vec::new();
    for number in 0..16 {
        let (good, address) = (good.clone(), world.frontend());
        senders.push(tokio::spawn(async move {
            for round in 0..20u8 {
                let mut garbage = good.clone();
                let at = garbage.len() - 450 + number;
                garbage[at] ^= round | 1;
                assert_eq!(http::post(address, "/control", garbage).await.status, 403);
            }
        }));
    }
    for _ in 0..5 {
        Agent::new(world.frontend(), &world.config).await.enrol().await;
    }
    for sender in senders {
        sender.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_has_only_so_many_connections() {
    let world = World::new().await;
    let (agent, other) = (world.agent().await, world.agent().await);
    let checkin = agent.seal(vec![agent.checkin()]);
    let say = async |packet: &[u8]| {
        let mut stream = tokio::net::TcpStream::connect(world.frontend()).await.unwrap();
        let mut request = half_a_post(packet.len(), 0);
        request.extend_from_slice(packet);
        stream.write_all(&request).await.unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        (String::from_utf8_lossy(&answer[9..]).into_owned(), stream)
    };
    // Its earlier connections may still be open for a moment, so the exact number is not known.
    let mut open = Vec::new();
    let refused = loop {
        let (status, stream) = say(&checkin).await;
        if status != "200" || open.len() > 16 {
            break status;
        }
        open.push(stream);
    };
    assert!(
        refused == "503" && (8..=16).contains(&open.len()),
        "{refused} after {}",
        open.len()
    );
    other.say(vec![other.checkin()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_have_only_so_long_whatever_they_do() {
    let world = World::with(|config| {
        config.frontend.resources.handshake_timeout = 5;
        config.frontend.resources.stranger_timeout = 5;
        config.client.max_poll = 60;
    })
    .await;
    let agent = world.agent().await;
    let waiting = agent.wait().await;
    let handshake = b"GET /control HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let unfinished = [&handshake[..], &[0x82, 0xff, 0, 0, 0, 0, 0, 9]].concat();
    let mut visits = Vec::new();
    for (what, beginning) in [
        ("silence", Vec::new()),
        ("half a header", b"POST /control HTTP/1.1\r\nho".to_vec()),
        ("half a body", half_a_post(1 << 20, 1000)),
        ("a websocket without a word", handshake.to_vec()),
        ("a websocket with half a frame", unfinished),
    ] {
        let mut stream = from_elsewhere(&world).await;
        stream.write_all(&beginning).await.unwrap();
        visits.push(tokio::spawn(async move {
            let mut answer = Vec::new();
            let ended = tokio::time::timeout(http::PATIENCE, stream.read_to_end(&mut answer)).await;
            assert!(ended.is_ok(), "{what}: still there");
        }));
    }
    for visit in visits {
        visit.await.unwrap();
    }
    // The agent is not a stranger, so its poll goes on.
    let id = collect(&world, &agent).await;
    assert_eq!(agent.finish(waiting).await[0].session_id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_are_refused() {
    let world = World::new().await;
    let mut stream = from_elsewhere(&world).await;
    let mut request = b"POST /control HTTP/1.1\r\nhost: ".to_vec();
    request.resize(16 << 10, b'x');
    stream.write_all(&request).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[9..], b"431");
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
    // One more is admitted, and the oldest one is closed.
    let mut one_more = from_elsewhere(&world).await;
    one_more
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = [0; 12];
    one_more.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer[9..], b"200");
    let closed = idle[0].read(&mut [0; 1]).await;
    assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
    assert!(refused(&world).await["too_many"].as_u64().unwrap() >= 1);
    // More agents than strangers are allowed, all behind one address.
    let mut waiting = Vec::new();
    for _ in 0..25 {
        let agent = Agent::new(world.frontend(), &world.config).await;
        agent.enrol().await;
        waiting.push(agent.wait().await);
    }
    assert_eq!(http::get(world.frontend(), "/healthz").await.status, 200);
}
