//! The agents' conversation over websockets.

use crate::common::World;
use crate::{collect, flow, numbers, refused};
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use peregrine_wire::{ids, pack};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message as Frame;

#[tokio::test(flavor = "multi_thread")]
async fn websockets_carry_the_same_conversation() {
    let world = World::new().await;
    let agent = world.agent().await;
    let connect = async |path: &str| {
        let url = format!("ws://{}/{path}", agent.address);
        tokio_tungstenite::connect_async(url).await.unwrap().0
    };
    let next = async |socket: &mut tokio_tungstenite::WebSocketStream<_>| -> Value {
        loop {
            if let Frame::Binary(body) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_slice(&body).unwrap();
            }
        }
    };
    let mut reader = connect("reader").await;
    reader
        .send(Frame::Binary(agent.seal(vec![agent.checkin()]).into()))
        .await
        .unwrap();
    let id = collect(&world, &agent).await;
    let mut tasks = Vec::new();
    while !tasks
        .iter()
        .any(|task: &peregrine_proto::VeloMessage| task.session_id == id)
    {
        let frame = next(&mut reader).await;
        assert_eq!(frame["code"], 200);
        tasks = agent.open(&BASE64.decode(frame["data"].as_str().unwrap().as_bytes()).unwrap());
    }
    let mut control = connect("control").await;
    let rows = agent.seal(vec![agent.rows(&id, "Test.Rows/All", 0, &numbers(0..3))]);
    control.send(Frame::Binary(rows.into())).await.unwrap();
    assert_eq!(next(&mut control).await, json!({"code": 200}));
    assert_eq!(flow(&world, &agent, &id).await["rows"], 3);
    let mut second = connect("reader").await;
    second
        .send(Frame::Binary(agent.seal(vec![agent.checkin()]).into()))
        .await
        .unwrap();
    assert_eq!(next(&mut second).await["code"], 409);
    control.send(Frame::Binary(vec![1, 2, 3].into())).await.unwrap();
    assert_eq!(next(&mut control).await["code"], 403);
    let mut pem = connect("server.pem").await;
    pem.send(Frame::Binary(vec![0].into())).await.unwrap();
    let text = BASE64
        .decode(next(&mut pem).await["data"].as_str().unwrap().as_bytes())
        .unwrap();
    assert_eq!(text, world.config.frontend.certificate.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_large_for_a_websocket_is_dropped_and_the_next_one_taken() {
    let world = World::new().await;
    let agent = world.agent().await;
    let url = format!("ws://{}/control", agent.address);
    let mut socket = tokio_tungstenite::connect_async(url).await.unwrap().0;
    let mut say = async |body: Vec<u8>| {
        socket.send(Frame::Binary(body.into())).await.unwrap();
        loop {
            if let Frame::Binary(body) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_slice::<Value>(&body).unwrap();
            }
        }
    };
    for length in [1, 125, 126, 65_535, 65_536, 1 << 20] {
        let rows = vec![json!({"text": "x".repeat(length)}).to_string()];
        let message = agent.rows(
            ids::MONITORING,
            "Linux.Events.TrackProcesses",
            length as u64,
            &rows,
        );
        let body = agent
            .session
            .seal(&pack::plain(pack::batch(vec![message]), &agent.nonce))
            .unwrap();
        assert_eq!(say(body).await, json!({"code": 200}), "{length}");
    }
    assert_eq!(
        say(vec![7; 30 << 20]).await,
        json!({"code": 200}),
        "swallowed, so that it is not sent again"
    );
    assert_eq!(refused(&world).await["too_large"], 1);
    let rows = agent.seal(vec![agent.rows(
        ids::MONITORING,
        "Linux.Events.TrackProcesses",
        9,
        &numbers(0..4),
    )]);
    assert_eq!(say(rows).await, json!({"code": 200}));
    let listed = world
        .sign_in("tester")
        .await
        .get(&format!("clients/{}/events", agent.id))
        .await;
    assert_eq!(listed["artifacts"][0]["rows"], 10);
}
