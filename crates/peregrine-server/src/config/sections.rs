//! The sections of a configuration file, with the reference's spelling and defaults.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Informational.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// Product.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Default for Version {
    fn default() -> Version {
        Version {
            name: "peregrine".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

/// What agents get too.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientSection {
    /// Where agents find the front end; each ends with `/`.
    pub server_urls: Vec<String>,
    /// PEM of the deployment's authority.
    pub ca_certificate: String,
    /// Chooses the organisation, and keeps strangers out.
    pub nonce: String,
    /// The TLS certificate is issued by `ca_certificate`.
    pub use_self_signed_ssl: bool,
    /// Name the server's certificate carries.
    pub pinned_server_name: String,
    /// Longest wait between polls (s).
    pub max_poll: u64,
    /// Spread of that wait (s).
    pub max_poll_std: u64,
    /// Websocket ping interval (s).
    pub ws_ping_wait_sec: u64,
    /// Collections a client runs at once; 0 leaves it to the client.
    #[serde(skip_serializing_if = "is_zero")]
    pub concurrency: u64,
    /// State file of agents on Linux.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub writeback_linux: String,
    /// State file of agents on macOS.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub writeback_darwin: String,
    /// State file of agents on Windows.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub writeback_windows: String,
}

impl Default for ClientSection {
    fn default() -> ClientSection {
        ClientSection {
            server_urls: Vec::new(),
            ca_certificate: String::new(),
            nonce: String::new(),
            use_self_signed_ssl: false,
            pinned_server_name: "VelociraptorServer".into(),
            max_poll: 60,
            max_poll_std: 30,
            ws_ping_wait_sec: 60,
            concurrency: 0,
            writeback_linux: String::new(),
            writeback_darwin: String::new(),
            writeback_windows: String::new(),
        }
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The GUI and REST listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct GuiSection {
    /// Address to listen on.
    pub bind_address: String,
    /// Port; 0 takes a free one.
    pub bind_port: u16,
    /// No TLS: only behind a proxy that has it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub use_plain_http: bool,
    /// Other origins that may sign in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_origins: Vec<String>,
    /// Header with the client's address, set by a proxy.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub forwarded_proxy_header: String,
    /// Life of a session (min).
    pub session_expiry_min: u64,
}

impl Default for GuiSection {
    fn default() -> GuiSection {
        GuiSection {
            bind_address: "127.0.0.1".into(),
            bind_port: 8889,
            use_plain_http: false,
            trusted_origins: Vec::new(),
            forwarded_proxy_header: String::new(),
            session_expiry_min: 1440,
        }
    }
}

/// The deployment's authority.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CaSection {
    /// PEM; may be kept elsewhere, then no certificate can be issued.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub private_key: String,
}

/// The agents' listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct FrontendSection {
    /// Public name.
    pub hostname: String,
    /// Address to listen on.
    pub bind_address: String,
    /// Port; 0 takes a free one.
    pub bind_port: u16,
    /// Prefix of all agent paths.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base_path: String,
    /// No TLS: only behind a proxy that has it. The envelope stays encrypted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub use_plain_http: bool,
    /// PEM of the certificate agents encrypt to.
    pub certificate: String,
    /// PEM of its key.
    pub private_key: String,
    /// PEM file of the TLS certificate of both listeners; without one, `certificate` serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate_filename: Option<PathBuf>,
    /// PEM file of its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_private_key_filename: Option<PathBuf>,
    /// Header with the client's address, set by a proxy.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proxy_header: String,
    /// Sends artifact names in clear.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub do_not_compress_artifacts: bool,
    /// Log lines that fail a collection.
    pub collection_error_regex: String,
    /// The monitoring table of a new deployment.
    pub default_client_monitoring_artifacts: Vec<String>,
    /// Limits.
    pub resources: Resources,
}

impl Default for FrontendSection {
    fn default() -> FrontendSection {
        FrontendSection {
            hostname: "localhost".into(),
            bind_address: "0.0.0.0".into(),
            bind_port: 8000,
            base_path: String::new(),
            use_plain_http: false,
            certificate: String::new(),
            private_key: String::new(),
            tls_certificate_filename: None,
            tls_private_key_filename: None,
            proxy_header: String::new(),
            do_not_compress_artifacts: false,
            collection_error_regex: "(?i)(Error:|Symbol.+?not found|Expecting a path arg type, not|Field.+?is required|Unexpected arg)".into(),
            default_client_monitoring_artifacts: vec!["Linux.Events.TrackProcesses".into()],
            resources: Resources::default(),
        }
    }
}

/// Limits of the agents' listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// New identities looked at per second; negative for no limit.
    pub enrollments_per_second: i64,
    /// Packets processed at once; 0 for twice the cores.
    pub concurrency: u64,
    /// Longest wait for a slot (s).
    pub concurrency_timeout: u64,
    /// Bytes a packet should have; twice as many are refused.
    pub max_upload_size: u64,
    /// Agents whose sessions are remembered.
    pub expected_clients: u64,
}

impl Default for Resources {
    fn default() -> Resources {
        Resources {
            enrollments_per_second: 100,
            concurrency: 0,
            concurrency_timeout: 600,
            max_upload_size: 10 << 20,
            expected_clients: 50_000,
        }
    }
}

/// Where everything is kept.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatastoreSection {
    /// The folder.
    pub location: PathBuf,
}

/// Intervals and limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct DefaultsSection {
    /// Batching of event rows on agents (s).
    pub event_max_wait: u64,
    /// Spread of it (s).
    pub event_max_wait_jitter: u64,
    /// Tells connected agents at once when the monitoring table changes.
    pub event_change_notify_all_clients: bool,
    /// How long an unknown identity is not looked up again (s); negative for never remembered.
    pub unauthenticated_lru_timeout_sec: i64,
    /// Flows silent for so long are asked about (s).
    pub inflight_check_time: u64,
    /// Never asks, and hands out any number of flows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_active_inflight_checks: bool,
}

impl Default for DefaultsSection {
    fn default() -> DefaultsSection {
        DefaultsSection {
            event_max_wait: 120,
            event_max_wait_jitter: 20,
            event_change_notify_all_clients: true,
            unauthenticated_lru_timeout_sec: 10,
            inflight_check_time: 60,
            disable_active_inflight_checks: false,
        }
    }
}
