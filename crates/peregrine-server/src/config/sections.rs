//! The sections of a configuration file, with the reference's key names and defaults.

use peregrine_store::{CloudOptions, NatsOptions, NatsServers};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Informational.
pub use peregrine_wire::config::Version;

/// The section agents get too; its keys are defined with the agent's configuration in `peregrine-wire`.
pub use peregrine_wire::config::ClientConfig as ClientSection;

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
    /// Further web origins that may sign in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trusted_origins: Vec<String>,
    /// Header with the client's address, set by a proxy.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub forwarded_proxy_header: String,
    /// Lifetime of a session (min).
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

/// The listener of the gRPC API for programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiSection {
    /// Host name that programs on other machines use; without one, that of the front end.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    /// Address to listen on, or with the scheme `unix` the path of a socket.
    pub bind_address: String,
    /// Port; 0 takes a free one.
    pub bind_port: u16,
    pub bind_scheme: ApiScheme,
}

impl Default for ApiSection {
    fn default() -> ApiSection {
        ApiSection {
            hostname: String::new(),
            bind_address: "127.0.0.1".into(),
            bind_port: 8001,
            bind_scheme: ApiScheme::Tcp,
        }
    }
}

/// Where the gRPC API listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApiScheme {
    #[default]
    Tcp,
    Unix,
}

/// The deployment's authority.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CaSection {
    /// PEM. Empty when it is kept elsewhere; then no certificate can be issued.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub private_key: String,
}

/// The agents' listener.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct FrontendSection {
    /// Public host name.
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
    /// PEM of that certificate's key.
    pub private_key: String,
    /// PEM file of the TLS certificate of both listeners; without one they use `certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_certificate_filename: Option<PathBuf>,
    /// PEM file of the TLS certificate's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_private_key_filename: Option<PathBuf>,
    /// Header with the client's address, set by a proxy.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub proxy_header: String,
    /// Sends artifact names to agents unobfuscated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub do_not_compress_artifacts: bool,
    /// A collection fails when a log line of it matches.
    pub collection_error_regex: String,
    /// The tables of client and of server monitoring of a new deployment.
    pub default_client_monitoring_artifacts: Vec<String>,
    pub default_server_monitoring_artifacts: Vec<String>,
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
            default_server_monitoring_artifacts: vec!["Server.Monitor.Health".into()],
            resources: Resources::default(),
        }
    }
}

/// Limits of the agents' listener.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// New sessions opened per second; negative for no limit.
    pub enrollments_per_second: i64,
    /// Packets processed at once; 0 for eight per core.
    pub concurrency: u64,
    /// Longest wait for a slot (s).
    pub concurrency_timeout: u64,
    /// Bytes an agent should put into a packet; the server refuses packets of more than twice that.
    pub max_upload_size: u64,
    /// Agents whose sessions are kept in memory.
    pub expected_clients: u64,
    /// Longest time to process a packet (s), up to four times that for large ones; one that takes longer must be sent again.
    pub packet_timeout: u64,
    /// Time for the TLS handshake, and again for a request's headers (s).
    pub handshake_timeout: u64,
    /// How long a peer may stay connected without proving who it is (s).
    pub stranger_timeout: u64,
    /// Connections of peers that have not proved who they are; agents and signed-in users do not count.
    pub max_strangers: u64,
    /// Such connections from one address.
    pub max_strangers_per_address: u64,
}

impl Default for Resources {
    fn default() -> Resources {
        Resources {
            enrollments_per_second: 100,
            concurrency: 0,
            concurrency_timeout: 600,
            max_upload_size: 10 << 20,
            expected_clients: 50_000,
            packet_timeout: 20,
            handshake_timeout: 15,
            stranger_timeout: 60,
            max_strangers: 4096,
            max_strangers_per_address: 1024,
        }
    }
}

/// Where data is stored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatastoreSection {
    /// The datastore folder.
    pub location: PathBuf,
    /// The database, such as `postgres://user:password@host/database`; without one, a file in the folder.
    #[serde(skip_serializing_if = "DatabaseUrl::is_none")]
    pub database: DatabaseUrl,
    /// Where files that agents upload are stored: a bucket, such as `s3://bucket/folder`; without one, the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objects: Option<String>,
    /// Options for the bucket, named as in the `object_store` crate; some are secrets.
    #[serde(skip_serializing_if = "CloudOptions::is_empty")]
    pub object_options: CloudOptions,
    /// URLs of NATS servers, which connect the servers of a deployment; leave empty for a single server.
    #[serde(skip_serializing_if = "NatsServers::is_none")]
    pub bus: NatsServers,
    /// Credentials and certificates for NATS.
    #[serde(skip_serializing_if = "NatsOptions::is_empty")]
    pub bus_options: NatsOptions,
}

/// URL of a database. `Debug` hides it, because it contains the password.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(Option<String>);

impl DatabaseUrl {
    /// Whether the database is a file in the folder.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The URL.
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_none() { "none" } else { "set" })
    }
}

/// Where `mail()` sends what it is given, if a query does not say. There is no `Debug`, because of the password.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MailSection {
    /// The SMTP server.
    pub server: String,
    /// Its port; without one, 587.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_port: Option<u16>,
    /// The sender.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Name and password to sign in with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub auth_password: String,
    /// Accept any certificate of the server.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub skip_verify: bool,
}

/// Intervals and limits.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct DefaultsSection {
    /// Batching of event rows on agents (s).
    pub event_max_wait: u64,
    /// Random addition to `event_max_wait` (s).
    pub event_max_wait_jitter: u64,
    /// Wakes connected agents at once when the monitoring table changes.
    pub event_change_notify_all_clients: bool,
    /// How long a failed key lookup is remembered (s); negative for not at all.
    pub unauthenticated_lru_timeout_sec: i64,
    /// After this much silence, the agent is asked about a flow (s).
    pub inflight_check_time: u64,
    /// Never asks about silent flows, and does not limit the number in flight.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_active_inflight_checks: bool,
    /// Seconds a query may take when neither the request nor the artifact says; 0 leaves it to the agent.
    pub collection_timeout: u64,
    /// Rows after which a collection is cancelled, unless request or artifact say; 0 for no limit.
    pub collection_max_rows: u64,
    /// Uploaded bytes after which a collection is cancelled, unless request or artifact say; 0 for no limit.
    pub collection_max_upload_bytes: u64,
    /// Hours after which a hunt stops that does not say.
    pub hunt_expiry_hours: u64,
    /// Days that events are kept; 0 for ever.
    pub event_days: u64,
    /// Seconds a query on the server may take that does not say.
    pub query_timeout: u64,
    /// Rows a query on the server may yield that does not say.
    pub query_max_rows: u64,
    /// Bytes a query on the server may hold; 0 for a quarter of the memory that is free at the start.
    pub query_max_memory: u64,
    /// Queries that may run on one server at a time: of one user, and of all.
    pub queries_per_user: usize,
    pub queries: usize,
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
            collection_timeout: 600,
            collection_max_rows: 1_000_000,
            collection_max_upload_bytes: 1 << 30,
            hunt_expiry_hours: 168,
            event_days: 0,
            query_timeout: 600,
            query_max_rows: 10_000_000,
            query_max_memory: 0,
            queries_per_user: 10,
            queries: 100,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_of_a_bucket_are_text_whatever_they_look_like_and_never_shown() {
        let text = "location: /data\nobjects: s3://files/a\nobject_options:\n  allow_http: true\n  connect_timeout: 5 seconds\n  \
                    access_key_id: 0012\n  secret_access_key: hunter2\n";
        let read: DatastoreSection = serde_saphyr::from_str(text).unwrap();
        let expected = CloudOptions::from([
            ("allow_http", "true"),
            ("connect_timeout", "5 seconds"),
            ("access_key_id", "0012"),
            ("secret_access_key", "hunter2"),
        ]);
        assert_eq!(read.object_options, expected);
        assert_eq!(read.objects.as_deref(), Some("s3://files/a"));
        assert!(!format!("{read:?}").contains("hunter2"));
        let again: DatastoreSection =
            serde_saphyr::from_str(&serde_saphyr::to_string(&read).unwrap()).unwrap();
        assert_eq!(again.object_options, expected);
    }

    #[test]
    fn without_a_bucket_nothing_is_written_of_one() {
        let text = serde_saphyr::to_string(&DatastoreSection::default()).unwrap();
        assert!(!text.contains("object"), "{text}");
    }

    #[test]
    fn a_bus_is_one_server_or_several_and_its_secrets_are_not_shown() {
        let parse = |text: &str| serde_saphyr::from_str::<DatastoreSection>(text);
        assert!(parse("location: /data").unwrap().bus.is_none());
        let one = parse("bus: nats://ann:hidden@a\nbus_options: {password: hidden, user: ann}").unwrap();
        assert_eq!(one.bus.urls(), ["nats://ann:hidden@a"]);
        assert!(!format!("{one:?}").contains("hidden"), "{one:?}");
        let several = parse("bus: ['nats://a:4222', 'tls://b']").unwrap();
        assert_eq!(several.bus.urls(), ["nats://a:4222", "tls://b"]);
        let again = parse(&serde_saphyr::to_string(&several).unwrap()).unwrap();
        assert_eq!(again.bus, several.bus);
        let error = parse("bus: nats://a\nbus_options: {pass: hidden}")
            .unwrap_err()
            .to_string();
        assert!(error.contains("pass") && error.contains("bus_options"), "{error}");
    }
}
