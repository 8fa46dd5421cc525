//! Enrolment, polls, event rows and monitoring tables.

use crate::common::World;
use crate::common::agent::Agent;
use crate::{collect, numbers};
use hyper::StatusCode;
use peregrine_wire::ids;
use rustls::HandshakeKind;
use serde_json::json;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_new_agent_enrols_and_is_interrogated() {
    let world = World::new().await;
    let agent = world.agent().await;
    let browser = world.sign_in("tester").await;
    browser.sees(&agent.id, true).await;
    let client = browser.get(&format!("clients/{}", agent.id)).await;
    assert_eq!(client["os"], "linux");
    assert_eq!(client["os_release"], "debian 13");
    assert_eq!(client["labels"], json!(["from-agent"]));
    assert_eq!(client["last_ip"], "127.0.0.1");
    let told = browser.get(&format!("clients/{}/interrogation", agent.id)).await;
    assert_eq!(told["tables"][0]["name"], "Generic.Client.Info/BasicInformation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_enrolment_request_is_refused() {
    let world = World::new().await;
    let agent = Agent::new(world.frontend(), &world.config).await;
    let mut request = peregrine_wire::enrol::request(&agent.key).unwrap();
    request.csr.as_mut().unwrap().pem =
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n".to_vec();
    assert_eq!(agent.control(vec![request]).await.status, 503);
    assert_eq!(agent.reader().await.status, 406);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_agent_is_woken_and_a_second_one_is_refused() {
    let world = World::with(|config| config.client.max_poll = 60).await;
    let agent = world.agent().await;
    let waiting = agent.wait().await;
    assert_eq!(agent.reader().await.status, 409, "one connection per client id");
    let id = collect(&world, &agent).await;
    let tasks = agent.finish(waiting).await;
    assert_eq!(tasks[0].session_id, id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_without_tasks_ends_with_padding() {
    let world = World::new().await;
    let mut agent = world.agent().await;
    assert!(agent.poll().await.is_empty());
    assert!(agent.poll().await.is_empty(), "and the place is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn event_rows_are_stored_once_with_time_and_client() {
    let world = World::new().await;
    let agent = world.agent().await;
    let rows = agent.rows(ids::MONITORING, "Linux.Events.TrackProcesses", 0, &numbers(0..4));
    agent.say(vec![rows.clone()]).await;
    agent.say(vec![rows]).await;
    let browser = world.sign_in("tester").await;
    let listed = browser.get(&format!("clients/{}/events", agent.id)).await;
    assert_eq!(listed["artifacts"][0]["rows"], 4);
    let page = browser
        .get(&format!(
            "clients/{}/events/Linux.Events.TrackProcesses",
            agent.id
        ))
        .await;
    assert_eq!(page["rows"][3][0], 3);
    assert_eq!(page["rows"][3][1], agent.id.as_str());
    let later = browser
        .get(&format!(
            "clients/{}/events/Linux.Events.TrackProcesses?start=2100-01-01T00:00:00Z",
            agent.id
        ))
        .await;
    assert_eq!(later["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_monitoring_table_reaches_a_waiting_agent() {
    let world = World::with(|config| config.client.max_poll = 60).await;
    let agent = world.agent().await;
    let waiting = agent.wait().await;
    let browser = world.sign_in("tester").await;
    let table = json!({"artifacts": [], "label_events": [
        {"label": "From-Agent", "artifacts": [{"artifact": "Test.Events", "parameters": {"Count": "2"}}]},
        {"label": "other", "artifacts": []}]});
    let reply = browser
        .call("PUT", "monitoring/client", Some(table.clone()))
        .await;
    assert_eq!((reply.status, reply.json()), (200, table));
    let told = agent.finish(waiting).await;
    let update = told[0].update_event_table.as_ref().unwrap();
    assert_eq!(update.event.len(), 1, "by label, without regard to case");
    assert_eq!(update.event[0].env[0].value, "2");
    assert!(update.version > agent.table);
    assert!(
        (120..140).contains(&update.event[0].max_wait),
        "rows wait for company"
    );
    // The agent still reports the old table, because a new one takes effect with a delay.
    let waiting = agent.wait().await;
    let id = collect(&world, &agent).await;
    let told = agent.finish(waiting).await;
    assert_eq!(told[0].session_id, id);
    assert!(
        told.iter().all(|message| message.update_event_table.is_none()),
        "a table that comes twice would run twice"
    );
    let bad = json!({"artifacts": [{"artifact": "Test.Rows"}]});
    assert_eq!(
        browser.call("PUT", "monitoring/client", Some(bad)).await.status,
        400
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitoring_table_that_was_lost_on_its_way_is_sent_again() {
    let world = World::with(|config| config.client.max_poll = 1).await;
    let agent = world.agent().await;
    // The agent ignores the tables it is sent, as if they were lost.
    let mut versions = Vec::new();
    while versions.len() < 2 {
        let reply = agent.reader().await;
        let told = agent.open(&reply.body);
        versions.extend(
            told.iter()
                .filter_map(|message| Some(message.update_event_table.as_ref()?.version)),
        );
        if versions.is_empty() {
            let table = json!({"artifacts": [{"artifact": "Linux.Events.TrackProcesses"}]});
            let browser = world.sign_in("tester").await;
            assert_eq!(
                browser.call("PUT", "monitoring/client", Some(table)).await.status,
                200
            );
        }
    }
    assert!(versions[1] > versions[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_issued_by_the_deployment_and_the_agents_configuration_holds_no_secret() {
    let world = World::with(|config| config.frontend.use_plain_http = false).await;
    let shown = format!("{:?}", world.config);
    assert!(
        !shown.contains("PRIVATE KEY") && shown.contains("127.0.0.1"),
        "{shown}"
    );
    let tls = trusting(&world);
    for name in ["localhost", "127.0.0.1", "VelociraptorServer"] {
        let (status, _) = get_certificate(&world, &tls, name).await;
        assert_eq!(status, 200, "{name}");
    }
    let text = std::fs::read_to_string(peregrine_server::Config::client_file(world.folder.path())).unwrap();
    assert!(
        !text.contains("PRIVATE KEY") && text.contains("server_urls"),
        "{text}"
    );
    let again =
        peregrine_server::Config::load(&peregrine_server::Config::server_file(world.folder.path())).unwrap();
    assert_eq!(again.client.nonce, world.config.client.nonce);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_resumes_its_tls_session_however_many_others_came_since() {
    let world = World::with(|config| config.frontend.use_plain_http = false).await;
    let agent = trusting(&world);
    let first = get_certificate(&world, &agent, "localhost").await;
    assert_eq!(first, (StatusCode::OK, HandshakeKind::Full));
    for _ in 0..300 {
        get_certificate(&world, &trusting(&world), "localhost").await;
    }
    let again = get_certificate(&world, &agent, "localhost").await;
    assert_eq!(again, (StatusCode::OK, HandshakeKind::Resumed));
}

/// TLS of somebody who believes the authority of the deployment.
fn trusting(world: &World) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    let ca = peregrine_wire::pem::first(&world.config.client.ca_certificate, "CERTIFICATE").unwrap();
    roots.add(ca.to_vec().into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(tls)
}

/// Asks for the server's certificate on a new connection to a server of this name.
async fn get_certificate(
    world: &World,
    tls: &Arc<rustls::ClientConfig>,
    name: &'static str,
) -> (StatusCode, HandshakeKind) {
    let connector = tokio_rustls::TlsConnector::from(Arc::clone(tls));
    let stream = tokio::net::TcpStream::connect(world.frontend()).await.unwrap();
    let stream = connector.connect(name.try_into().unwrap(), stream).await.unwrap();
    let kind = stream.get_ref().1.handshake_kind().unwrap();
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("/server.pem").header("host", name);
    let request = request
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .unwrap();
    (sender.send_request(request).await.unwrap().status(), kind)
}
