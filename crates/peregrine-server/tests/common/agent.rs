//! A scripted agent.

use super::http::{self, PATIENCE, Reply};
use http_body_util::BodyExt;
use peregrine_proto::*;
use peregrine_server::Config;
use peregrine_wire::{CipherSession, Decoder, Obfuscator, PrivateKey, PublicKey, enrol, ids, pack, pki};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::timeout;

pub struct Agent {
    pub address: SocketAddr,
    pub id: String,
    pub key: Arc<PrivateKey>,
    pub session: CipherSession,
    pub nonce: String,
    pub names: Obfuscator,
    /// Version of the monitoring table it has.
    pub table: u64,
    pub server_key: PublicKey,
    decoder: Decoder,
}

impl Agent {
    pub async fn new(address: SocketAddr, config: &Config) -> Agent {
        let pem = http::get(address, "/server.pem").await;
        assert_eq!(pem.status, 200);
        let key = Arc::new(PrivateKey::generate().unwrap());
        Agent::with_key(address, config, &pem.text(), key)
    }

    /// An agent with this key and the server's certificate.
    pub fn with_key(address: SocketAddr, config: &Config, pem: &str, key: Arc<PrivateKey>) -> Agent {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let client = &config.client;
        let server_key =
            pki::verify_server(pem, &client.ca_certificate, &client.pinned_server_name, now).unwrap();
        let id = ids::client_id(key.public());
        Agent {
            address,
            session: CipherSession::new(&id, &key, &server_key).unwrap(),
            decoder: Decoder::new(key.clone(), 16),
            nonce: client.nonce.clone(),
            names: Obfuscator::new(&config.obfuscation_nonce),
            table: 0,
            id,
            key,
            server_key,
        }
    }

    /// The encrypted packet with these messages.
    pub fn seal(&self, messages: Vec<VeloMessage>) -> Vec<u8> {
        let blob = pack::compress(&pack::batch(messages));
        self.session
            .seal(&pack::compressed(vec![blob], &self.nonce))
            .unwrap()
    }

    pub fn open(&self, body: &[u8]) -> Vec<VeloMessage> {
        let nonce = self.nonce.clone();
        let orgs = move |given: &str| (given == nonce).then(String::new);
        let packet = self
            .decoder
            .decode(body, &orgs, |_| Some(self.server_key.clone()))
            .unwrap();
        let Some(packet) = packet else { return Vec::new() };
        assert!(packet.is_authenticated(), "the server proves who it is");
        packet.messages().map(Result::unwrap).collect()
    }

    pub async fn control(&self, messages: Vec<VeloMessage>) -> Reply {
        http::post(self.address, "/control", self.seal(messages)).await
    }

    /// Sends messages and expects the answer 200.
    pub async fn say(&self, messages: Vec<VeloMessage>) {
        let reply = self.control(messages).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert!(self.open(&reply.body).is_empty());
    }

    pub fn checkin(&self) -> VeloMessage {
        VeloMessage {
            session_id: ids::FOREMAN.into(),
            foreman_checkin: Some(ForemanCheckin {
                last_event_table_version: self.table,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub async fn reader(&self) -> Reply {
        http::post(self.address, "/reader", self.seal(vec![self.checkin()])).await
    }

    /// Polls once, notes a new monitoring table, and returns the server's messages.
    pub async fn poll(&mut self) -> Vec<VeloMessage> {
        let reply = self.reader().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let messages = self.open(&reply.body);
        for message in &messages {
            if let Some(table) = &message.update_event_table {
                self.table = table.version;
            }
        }
        messages
    }

    pub async fn enrol(&self) {
        assert_eq!(self.reader().await.status, 406, "a stranger is asked to enrol");
        let request = enrol::request(&self.key).unwrap();
        assert_eq!(self.control(vec![request]).await.status, 406);
    }

    /// Answers the first interrogation and takes the first monitoring table.
    pub async fn settle_in(&mut self) {
        let messages = self.poll().await;
        let request = messages
            .iter()
            .find(|message| message.flow_request.is_some())
            .expect("an interrogation");
        let flow = request.session_id.clone();
        let (rows, end) = self.introduction(&flow);
        self.say(vec![rows, end]).await;
        assert!(self.table > 0, "the monitoring table came with the first poll");
        let again = self.poll().await;
        assert!(
            again[0].update_event_table.is_some(),
            "new labels may mean another table"
        );
    }

    /// The row an interrogation sends, and its end.
    pub fn introduction(&self, flow: &str) -> (VeloMessage, VeloMessage) {
        let row = serde_json::json!({
            "Name": "peregrine", "Hostname": format!("host-{}", &self.id[2..6]), "OS": "linux", "Architecture": "amd64",
            "Platform": "debian", "PlatformVersion": "13", "Fqdn": "host.example", "MACAddresses": ["aa:bb:cc:00:00:01"],
            "Version": "0.1.0", "Labels": ["from-agent"],
        });
        let source = "Generic.Client.Info/BasicInformation";
        (
            self.rows(flow, source, 0, &[row.to_string()]),
            self.stats(flow, velo_status::ReturnedStatus::Ok, "", true),
        )
    }

    pub fn rows(&self, flow: &str, source: &str, start: u64, rows: &[String]) -> VeloMessage {
        VeloMessage {
            session_id: flow.into(),
            request_id: ids::request::QUERY,
            vql_response: Some(VqlResponse {
                query: Some(VqlRequest {
                    name: self.names.hide(source).unwrap(),
                    ..Default::default()
                }),
                jsonl_response: rows.iter().map(|row| format!("{row}\n")).collect(),
                total_rows: rows.len() as u64,
                query_start_row: start,
                timestamp: start + 1,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub fn log(&self, flow: &str, id: i64, message: &str) -> VeloMessage {
        let line = serde_json::json!({"client_time": 1_700_000_000, "level": "INFO", "message": message});
        VeloMessage {
            session_id: flow.into(),
            request_id: ids::request::LOG,
            log_message: Some(LogMessage {
                id,
                number_of_rows: 1,
                jsonl: format!("{line}\n"),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub fn stats(
        &self,
        flow: &str,
        status: velo_status::ReturnedStatus,
        error: &str,
        done: bool,
    ) -> VeloMessage {
        VeloMessage {
            session_id: flow.into(),
            request_id: ids::request::STATS,
            flow_stats: Some(FlowStats {
                query_status: vec![VeloStatus {
                    status: status.into(),
                    error_message: error.into(),
                    first_active: 1_700_000_000_000_000,
                    last_active: 1_700_000_001_000_000,
                    duration: 1_000_000_000,
                    ..Default::default()
                }],
                flow_complete: done,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    pub fn piece(&self, flow: &str, offset: u64, data: &[u8], eof: bool) -> VeloMessage {
        VeloMessage {
            session_id: flow.into(),
            request_id: ids::request::UPLOAD,
            file_buffer: Some(FileBuffer {
                pathspec: Some(PathSpec {
                    path: "/etc/../etc/passwd".into(),
                    accessor: "file".into(),
                    components: vec!["etc".into(), "..".into(), "passwd".into()],
                }),
                offset,
                data: data.to_vec(),
                data_length: data.len() as u64,
                size: 6,
                eof,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    /// Opens a long poll and waits until the server holds it.
    pub async fn wait(&self) -> hyper::body::Incoming {
        let request = hyper::Request::post("/reader")
            .header("host", self.address.to_string())
            .body(http_body_util::Full::new(self.seal(vec![self.checkin()]).into()));
        let response = http::open(self.address, request.unwrap()).await;
        assert_eq!(response.status(), 200);
        response.into_body()
    }

    pub async fn finish(&self, body: hyper::body::Incoming) -> Vec<VeloMessage> {
        let body = timeout(PATIENCE, body.collect())
            .await
            .expect("an end in time")
            .unwrap();
        self.open(&body.to_bytes())
    }
}
