//! Honest agents: they enrol, answer their interrogation, wait for tasks, and send rows on command.
//!
//! Commands on standard input: `rows PAUSE_MS ROWS` makes each agent with a collection send rows of it, with that pause
//! between packets; `events PERIOD_S ROWS` makes all send event rows at that period; `stop` ends both and prints a report.

use crate::common::agent::Agent;
use crate::dial::{self, Dialer, HttpConnection};
use http_body_util::BodyExt;
use peregrine_proto::VeloMessage;
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_server::Config;
use peregrine_wire::{PrivateKey, enrol, ids};
use serde_json::json;
use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

/// What all agents currently do.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    Wait,
    Rows { pause: Duration, rows: u64 },
    Events { period: Duration, rows: u64 },
    Stop,
}

/// An agent and its counters.
struct FleetMember {
    agent: Mutex<Agent>,
    number: usize,
    is_websocket: bool,
    /// Whether the server has held its poll or socket at least once.
    is_waiting: AtomicBool,
    /// Flow id and source of the collection whose rows it sends, once it was tasked with one.
    flow: Mutex<Option<(String, String)>>,
    rows: AtomicU64,
    events: AtomicU64,
    packets: AtomicU64,
    /// Answers other than 200, and connections that broke.
    refused: AtomicU64,
    longest_ms: AtomicU64,
}

pub(crate) async fn run(dialer: Arc<Dialer>, config: &Config, count: usize, is_websocket: bool) {
    let pem = dialer.server_pem().await;
    let mut fleet = Vec::new();
    for (number, key) in keys(count).await.into_iter().enumerate() {
        let agent = dialer.agent(config, &pem, Arc::new(key)).await;
        fleet.push(Arc::new(FleetMember {
            agent: Mutex::new(agent),
            number,
            is_websocket,
            is_waiting: AtomicBool::new(false),
            flow: Mutex::default(),
            rows: AtomicU64::new(0),
            events: AtomicU64::new(0),
            packets: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            longest_ms: AtomicU64::new(0),
        }));
    }
    println!("{}", json!({"keys": count}));
    let mut lines = std::io::stdin().lines();
    // The benchmark measures the server's memory before any agent connects, then sends a line.
    let Some(Ok(_)) = lines.next() else { return };
    let (work, orders) = watch::channel(Work::Wait);
    let mut senders: Vec<JoinHandle<()>> = Vec::new();
    for member in &fleet {
        let mut connection = HttpConnection::new(1);
        while let Err(error) = introduce(&dialer, member, &mut connection).await {
            eprintln!("agent {}: {error}", member.number);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        drop(connection);
        tokio::spawn(listen(dialer.clone(), member.clone()));
        senders.push(tokio::spawn(send_ordered_rows(
            dialer.clone(),
            member.clone(),
            orders.clone(),
        )));
    }
    while !fleet
        .iter()
        .all(|member| member.is_waiting.load(Ordering::Relaxed))
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut names = Vec::new();
    for member in &fleet {
        names.push(member.agent.lock().await.id.clone());
    }
    println!("{}", json!({"ready": names}));
    loop {
        let line = tokio::task::block_in_place(|| lines.next());
        let Some(Ok(line)) = line else { return };
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(1);
        let order = match words.first() {
            Some(&"rows") => Work::Rows {
                pause: Duration::from_millis(number(1)),
                rows: number(2),
            },
            Some(&"events") => Work::Events {
                period: Duration::from_secs(number(1)),
                rows: number(2),
            },
            _ => Work::Stop,
        };
        work.send_replace(order);
        if order == Work::Stop {
            break;
        }
    }
    for sender in senders {
        sender.await.unwrap();
    }
    let mut report = Vec::new();
    for member in &fleet {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        report.push(json!({
            "id": member.agent.lock().await.id, "flow": member.flow.lock().await.as_ref().map(|(flow, _)| flow.clone()),
            "rows": load(&member.rows), "events": load(&member.events), "packets": load(&member.packets),
            "refused": load(&member.refused), "longest_ms": load(&member.longest_ms),
        }));
    }
    println!("{}", json!({"report": report}));
}

/// Generates keys on all cores.
async fn keys(count: usize) -> Vec<PrivateKey> {
    let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
    let makers = (0..cores).map(|core| {
        let share = count / cores + usize::from(core < count % cores);
        tokio::task::spawn_blocking(move || {
            let keys: Vec<PrivateKey> = (0..share).map(|_| PrivateKey::generate().unwrap()).collect();
            keys
        })
    });
    let mut keys = Vec::new();
    for maker in makers.collect::<Vec<_>>() {
        keys.extend(maker.await.unwrap());
    }
    keys
}

/// Enrols and answers the interrogation.
async fn introduce(dialer: &Dialer, member: &FleetMember, connection: &mut HttpConnection) -> Result<()> {
    let mut agent = member.agent.lock().await;
    let request = enrol::request(&agent.key).unwrap();
    connection
        .status(dialer, "/control", agent.seal(vec![request]))
        .await?;
    let messages = poll(dialer, &agent, connection).await?;
    take_table(&mut agent, &messages);
    for message in &messages {
        if message.flow_request.is_some() {
            let (rows, end) = agent.introduction(&message.session_id);
            let status = connection
                .status(dialer, "/control", agent.seal(vec![rows, end]))
                .await?;
            if status != 200 {
                return Err(std::io::Error::other(format!("status {status}")));
            }
        }
    }
    Ok(())
}

async fn poll(dialer: &Dialer, agent: &Agent, connection: &mut HttpConnection) -> Result<Vec<VeloMessage>> {
    let response = connection
        .post(dialer, "/reader", agent.seal(vec![agent.checkin()]))
        .await?;
    if response.status() != 200 {
        return Err(std::io::Error::other(format!("poll: {}", response.status())));
    }
    let body = response.into_body().collect().await;
    Ok(agent.open(&body.map_err(std::io::Error::other)?.to_bytes()))
}

fn take_table(agent: &mut Agent, messages: &[VeloMessage]) {
    for message in messages {
        if let Some(table) = &message.update_event_table {
            agent.table = table.version;
        }
    }
}

/// Waits for tasks and takes them, without end.
async fn listen(dialer: Arc<Dialer>, member: Arc<FleetMember>) {
    loop {
        let heard = if member.is_websocket {
            listen_by_websocket(&dialer, &member).await
        } else {
            listen_by_poll(&dialer, &member).await
        };
        if let Err(error) = heard {
            eprintln!("agent {} waits: {error}", member.number);
            member.refused.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn listen_by_poll(dialer: &Dialer, member: &FleetMember) -> Result<()> {
    let mut connection = HttpConnection::new(1);
    loop {
        let packet = {
            let agent = member.agent.lock().await;
            agent.seal(vec![agent.checkin()])
        };
        let response = connection.post(dialer, "/reader", packet).await?;
        if response.status() != 200 {
            return Err(std::io::Error::other(format!("poll: {}", response.status())));
        }
        member.is_waiting.store(true, Ordering::Relaxed);
        let body = response.into_body().collect().await;
        take_tasks(member, &body.map_err(std::io::Error::other)?.to_bytes()).await;
    }
}

async fn listen_by_websocket(dialer: &Dialer, member: &FleetMember) -> Result<()> {
    let mut socket = dialer.websocket(1, "/reader").await?;
    let packet = {
        let agent = member.agent.lock().await;
        agent.seal(vec![agent.checkin()])
    };
    dial::send(&mut socket, packet).await?;
    loop {
        member.is_waiting.store(true, Ordering::Relaxed);
        let (code, data) = dial::receive(&mut socket).await?;
        if code != 200 {
            return Err(std::io::Error::other(format!("socket: {code}")));
        }
        take_tasks(member, &data).await;
    }
}

/// Takes a packet of tasks: notes a new monitoring table, and the collection whose rows are to be sent.
async fn take_tasks(member: &FleetMember, packet: &[u8]) {
    let mut agent = member.agent.lock().await;
    let messages = agent.open(packet);
    take_table(&mut agent, &messages);
    for message in &messages {
        let Some(request) = &message.flow_request else {
            continue;
        };
        let queries = request.vql_client_actions.iter().flat_map(|action| &action.query);
        let hidden = queries.map(|query| &query.name).rfind(|name| !name.is_empty());
        if let Some(source) = hidden.and_then(|name| agent.names.reveal(name)) {
            *member.flow.lock().await = Some((message.session_id.clone(), source));
        }
    }
}

/// Sends rows as ordered until told to stop, then ends the collection.
async fn send_ordered_rows(dialer: Arc<Dialer>, member: Arc<FleetMember>, mut orders: watch::Receiver<Work>) {
    let mut connection = HttpConnection::new(1);
    let mut first = true;
    loop {
        let order = *orders.borrow_and_update();
        let pause = match order {
            Work::Stop => break,
            Work::Wait => Duration::MAX,
            Work::Rows { pause, .. } => pause,
            Work::Events { period, .. } if first => period.mul_f64(member.number as f64 % 97.0 / 97.0),
            Work::Events { period, .. } => period,
        };
        first = order == Work::Wait;
        tokio::select! {
            _ = orders.changed() => continue,
            () = tokio::time::sleep(pause.min(Duration::from_secs(86_400))) => {}
        }
        match order {
            Work::Rows { rows, .. } => {
                let Some((flow, source)) = member.flow.lock().await.clone() else {
                    continue;
                };
                let start = member.rows.fetch_add(rows, Ordering::Relaxed);
                let rows = numbered(member.number, start, rows);
                deliver(&dialer, &member, &mut connection, |agent: &Agent| {
                    vec![agent.rows(&flow, &source, start, &rows)]
                })
                .await;
            }
            Work::Events { rows, .. } => {
                let start = member.events.fetch_add(rows, Ordering::Relaxed);
                let rows = numbered(member.number, start, rows);
                deliver(&dialer, &member, &mut connection, |agent: &Agent| {
                    vec![agent.rows(ids::MONITORING, "Linux.Events.TrackProcesses", start, &rows)]
                })
                .await;
                // Real agents close the connection between two packets too.
                connection = HttpConnection::new(1);
            }
            Work::Wait | Work::Stop => {}
        }
    }
    let flow = member.flow.lock().await.clone();
    if let Some((flow, _)) = flow {
        deliver(&dialer, &member, &mut connection, |agent: &Agent| {
            vec![agent.stats(&flow, ReturnedStatus::Ok, "", true)]
        })
        .await;
    }
}

fn numbered(agent: usize, start: u64, count: u64) -> Vec<String> {
    (start..start + count)
        .map(|n| {
            json!({"n": n, "agent": agent, "Pid": n % 32_768, "Name": "process", "CommandLine": "/usr/bin/process --with arguments"})
                .to_string()
        })
        .collect()
}

/// Sends a packet until it is accepted, and records the longest time that took.
async fn deliver(
    dialer: &Dialer,
    member: &FleetMember,
    connection: &mut HttpConnection,
    messages: impl Fn(&Agent) -> Vec<VeloMessage>,
) {
    let packet = {
        let agent = member.agent.lock().await;
        agent.seal(messages(&agent))
    };
    let began = Instant::now();
    loop {
        let answer = connection.status(dialer, "/control", packet.clone()).await;
        let waited = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        member.longest_ms.fetch_max(waited, Ordering::Relaxed);
        if matches!(answer, Ok(200)) {
            member.packets.fetch_add(1, Ordering::Relaxed);
            return;
        }
        eprintln!("agent {}: {answer:?} after {waited} ms", member.number);
        member.refused.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
