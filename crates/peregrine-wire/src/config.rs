//! The part of the configuration file that clients use.
//!
//! Keys are spelled as in the files of existing deployments; unknown keys are ignored here. An absent key, or
//! a zero where zero is meaningless, means the default.

use crate::yaml::{self, is_default};
use crate::{Error, Result, pki};
use peregrine_base::variables::expand;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A configuration file as a client reads it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// The version that generated the file.
    #[serde(skip_serializing_if = "is_default")]
    pub version: Version,
    /// The client's settings.
    #[serde(rename = "Client")]
    pub client: ClientConfig,
}

impl Config {
    /// Reads a client's file, or the `Client` section of a server's, and checks what a client needs.
    pub fn from_yaml(text: &str) -> Result<Config> {
        let mut config: Config = yaml::read(text)?;
        config.client.fill_zeros();
        config.client.check()?;
        Ok(config)
    }

    /// Writes the file.
    pub fn to_yaml(&self) -> Result<String> {
        yaml::write(self)
    }
}

/// Informational.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs)] // named by what they are
pub struct Version {
    #[serde(skip_serializing_if = "is_default")]
    pub name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub version: String,
    #[serde(skip_serializing_if = "is_default")]
    pub commit: String,
    #[serde(skip_serializing_if = "is_default")]
    pub build_time: String,
    #[serde(skip_serializing_if = "is_default")]
    pub install_time: u64,
}

/// Section `Client`. Times are in seconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientConfig {
    /// `https://`, `wss://`, `http://` or `ws://` addresses, each ending in `/`.
    pub server_urls: Vec<String>,
    /// PEM of the deployment's authority.
    pub ca_certificate: String,
    /// Selects the organisation.
    pub nonce: String,
    /// Labels the endpoint reports.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: Vec<String>,
    /// The server's TLS certificate must be issued by the deployment's authority.
    pub use_self_signed_ssl: bool,
    /// The name that the server's certificate must contain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pinned_server_name: String,
    /// The outer TLS.
    #[serde(rename = "Crypto", skip_serializing_if = "is_default")]
    pub crypto: Crypto,
    /// The file of the state.
    #[serde(skip_serializing_if = "is_default")]
    pub writeback_linux: String,
    /// The file of the state.
    #[serde(skip_serializing_if = "is_default")]
    pub writeback_darwin: String,
    /// The file of the state; in the registry if it starts with `HKLM\`.
    #[serde(skip_serializing_if = "is_default")]
    pub writeback_windows: String,
    /// Appended to that path for frequently changing state; if empty, everything is in one file.
    #[serde(skip_serializing_if = "is_default")]
    pub level2_writeback_suffix: String,
    /// Directory of temporary files.
    #[serde(skip_serializing_if = "is_default")]
    pub tempdir_linux: String,
    /// Directory of temporary files.
    #[serde(skip_serializing_if = "is_default")]
    pub tempdir_windows: String,
    /// Directory of temporary files.
    #[serde(skip_serializing_if = "is_default")]
    pub tempdir_darwin: String,
    /// Minimum time between posts.
    pub min_poll: u64,
    /// Maximum time between polls, and the maximum back-off after a failure.
    pub max_poll: u64,
    /// Random time added to a back-off.
    pub max_poll_std: u64,
    /// Time between the pings of a websocket.
    pub ws_ping_wait_sec: u64,
    /// Exit if the server was not reached for this long; 0 for never.
    pub nanny_max_connection_delay: u64,
    /// Compressed size of a full packet in bytes.
    pub max_upload_size: u64,
    /// The buffer for waiting messages.
    pub local_buffer: LocalBuffer,
    /// Exit if more memory is in use; 0 for never.
    #[serde(skip_serializing_if = "is_default")]
    pub max_memory_hard_limit: u64,
    /// Maximum number of concurrent collections.
    pub concurrency: u64,
    /// Timeout for dialling, handshakes and response headers.
    pub connection_timeout: u64,
    /// Maximum time that rows wait for a batch to fill.
    pub default_max_wait: u64,
    /// Minimum time between progress reports.
    pub default_server_flow_stats_update: u64,
    /// Time between client information messages; -1 for none.
    pub client_info_update_time: i64,
    /// Maps `host:port` to `ip:port`, tried when dialling fails.
    #[serde(skip_serializing_if = "is_default")]
    pub fallback_addresses: BTreeMap<String, String>,
    /// Refresh period of the resolver cache; 0 for no cache.
    #[serde(skip_serializing_if = "is_default")]
    pub dns_cache_refresh_min: u64,
    /// Do not report flows that a crash interrupted.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_checkpoints: bool,
    /// Event artifacts that always run.
    #[serde(skip_serializing_if = "is_default")]
    pub additional_event_artifacts: Vec<String>,
    /// File of the encrypted local log.
    #[serde(skip_serializing_if = "is_default")]
    pub logfile_name: String,
    /// Maximum size of that log.
    pub logfile_size: u64,
    /// CPU limit, in percent, on machines with few processors.
    pub low_resource_max_cpu: u64,
    /// Number of processors below which a machine has few.
    pub low_resource_cpu_count: u64,
    /// Makes plugins that run programs refuse to do so.
    #[serde(skip_serializing_if = "is_default")]
    pub prevent_execve: bool,
    /// Send blobs uncompressed.
    #[serde(skip_serializing_if = "is_default")]
    pub disable_compression: bool,
    /// Outgoing proxy.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy: String,
    /// Outgoing proxy in detail; overrides `proxy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_config: Option<ProxyConfig>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            server_urls: Vec::new(),
            ca_certificate: String::new(),
            nonce: String::new(),
            labels: Vec::new(),
            use_self_signed_ssl: false,
            pinned_server_name: pki::SERVER_NAME.into(),
            crypto: Crypto::default(),
            writeback_linux: "/etc/velociraptor.writeback.yaml".into(),
            writeback_darwin: "/etc/velociraptor.writeback.yaml".into(),
            writeback_windows: r"$ProgramFiles\Velociraptor\velociraptor.writeback.yaml".into(),
            level2_writeback_suffix: String::new(),
            tempdir_linux: String::new(),
            tempdir_windows: String::new(),
            tempdir_darwin: String::new(),
            min_poll: 1,
            max_poll: 60,
            max_poll_std: 30,
            ws_ping_wait_sec: 60,
            nanny_max_connection_delay: 0,
            max_upload_size: 5 << 20,
            local_buffer: LocalBuffer::default(),
            max_memory_hard_limit: 0,
            concurrency: 2,
            connection_timeout: 300,
            default_max_wait: 100,
            default_server_flow_stats_update: 5,
            client_info_update_time: 86_400,
            fallback_addresses: BTreeMap::new(),
            dns_cache_refresh_min: 0,
            disable_checkpoints: false,
            additional_event_artifacts: Vec::new(),
            logfile_name: String::new(),
            logfile_size: 10 << 20,
            low_resource_max_cpu: 50,
            low_resource_cpu_count: 2,
            prevent_execve: false,
            disable_compression: false,
            proxy: String::new(),
            proxy_config: None,
        }
    }
}

impl ClientConfig {
    /// The settings of a newly generated configuration: the defaults, with a buffer on disk, a nanny, and
    /// state on two levels.
    pub fn generated(server_urls: Vec<String>, ca_certificate: String, nonce: String) -> ClientConfig {
        ClientConfig {
            server_urls,
            ca_certificate,
            nonce,
            use_self_signed_ssl: true,
            level2_writeback_suffix: ".bak".into(),
            tempdir_windows: r"$ProgramFiles\Velociraptor\Tools".into(),
            nanny_max_connection_delay: 600,
            local_buffer: LocalBuffer {
                disk_size: 1 << 30,
                filename_linux: "/var/tmp/Velociraptor_Buffer.bin".into(),
                filename_darwin: "/var/tmp/Velociraptor_Buffer.bin".into(),
                filename_windows: "$TEMP/Velociraptor_Buffer.bin".into(),
                ..LocalBuffer::default()
            },
            ..ClientConfig::default()
        }
    }

    /// The file of the state on this system, with variables replaced by `variable`.
    ///
    /// `$NONCE` is replaced by the nonce, with `_` for characters unsuitable in file names.
    pub fn writeback(&self, variable: impl Fn(&str) -> Option<String>) -> String {
        let path = for_this_system(
            &self.writeback_linux,
            &self.writeback_darwin,
            &self.writeback_windows,
        );
        expand(path, |name| match name {
            "NONCE" => Some(self.nonce.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
            _ => variable(name),
        })
    }

    /// The directory of temporary files on this system; empty means the system's own.
    pub fn tempdir(&self, variable: impl Fn(&str) -> Option<String>) -> String {
        expand(
            for_this_system(&self.tempdir_linux, &self.tempdir_darwin, &self.tempdir_windows),
            variable,
        )
    }

    /// Zero is meaningless for these.
    fn fill_zeros(&mut self) {
        let usual = ClientConfig::default();
        let fill = |value: &mut u64, usual: u64| {
            if *value == 0 {
                *value = usual;
            }
        };
        fill(&mut self.min_poll, usual.min_poll);
        fill(&mut self.max_poll, usual.max_poll);
        fill(&mut self.max_poll_std, usual.max_poll_std);
        fill(&mut self.ws_ping_wait_sec, usual.ws_ping_wait_sec);
        fill(&mut self.max_upload_size, usual.max_upload_size);
        fill(&mut self.local_buffer.memory_size, usual.local_buffer.memory_size);
        fill(&mut self.concurrency, usual.concurrency);
        fill(&mut self.connection_timeout, usual.connection_timeout);
        fill(&mut self.default_max_wait, usual.default_max_wait);
        fill(
            &mut self.default_server_flow_stats_update,
            usual.default_server_flow_stats_update,
        );
        fill(&mut self.logfile_size, usual.logfile_size);
        fill(&mut self.low_resource_max_cpu, usual.low_resource_max_cpu);
        fill(&mut self.low_resource_cpu_count, usual.low_resource_cpu_count);
        if self.client_info_update_time == 0 {
            self.client_info_update_time = usual.client_info_update_time;
        }
        if self.pinned_server_name.is_empty() {
            self.pinned_server_name = usual.pinned_server_name;
        }
    }

    fn check(&self) -> Result<()> {
        let refuse = |why: String| Err(Error::BadConfig(why));
        if self.ca_certificate.is_empty() {
            return refuse("`Client.ca_certificate` is missing".into());
        }
        if self.nonce.is_empty() {
            return refuse("`Client.nonce` is missing".into());
        }
        if self.server_urls.is_empty() {
            return refuse("`Client.server_urls` is missing".into());
        }
        for url in &self.server_urls {
            if !["https://", "wss://", "http://", "ws://"]
                .iter()
                .any(|scheme| url.starts_with(scheme))
            {
                return refuse(format!(
                    "`Client.server_urls`: `{url}` must start with `https://` or `wss://`"
                ));
            }
            if !url.ends_with('/') {
                return refuse(format!("`Client.server_urls`: `{url}` must end in `/`"));
            }
        }
        self.crypto.mode().map(drop)
    }
}

/// How the outer TLS connection is verified.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Crypto {
    /// PEM of additional roots.
    #[serde(skip_serializing_if = "is_default")]
    pub root_certs: String,
    /// SHA-256 of acceptable certificates, hexadecimal, with or without colons.
    #[serde(skip_serializing_if = "is_default")]
    pub certificate_thumbprints: Vec<String>,
    /// `PKI` (or empty), `PKI_OR_THUMBPRINT` or `THUMBPRINT_ONLY`; see [`Crypto::mode`].
    #[serde(skip_serializing_if = "is_default")]
    pub certificate_verification_mode: String,
    /// Makes servers accept the weak TLS of old clients.
    #[serde(skip_serializing_if = "is_default")]
    pub allow_weak_tls_server: bool,
    /// PEM of the certificate to present if the server asks for one.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate: String,
    /// PEM of its key.
    #[serde(skip_serializing_if = "is_default")]
    pub client_certificate_private_key: String,
}

/// The proofs of a TLS certificate that are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationMode {
    /// A chain to a root.
    Pki,
    /// Either.
    PkiOrThumbprint,
    /// A listed thumbprint.
    ThumbprintOnly,
}

impl Crypto {
    /// The mode, checked.
    pub fn mode(&self) -> Result<VerificationMode> {
        match self.certificate_verification_mode.as_str() {
            "" | "PKI" => Ok(VerificationMode::Pki),
            "PKI_OR_THUMBPRINT" => Ok(VerificationMode::PkiOrThumbprint),
            "THUMBPRINT_ONLY" => Ok(VerificationMode::ThumbprintOnly),
            other => Err(Error::BadConfig(format!(
                "`Client.Crypto.certificate_verification_mode`: unknown mode `{other}`; \
                 use `PKI`, `PKI_OR_THUMBPRINT` or `THUMBPRINT_ONLY`"
            ))),
        }
    }

    /// Whether a certificate (DER) has a listed thumbprint.
    pub fn lists(&self, certificate: &[u8]) -> bool {
        let thumbprint = data_encoding::HEXLOWER.encode(&crate::sha256(certificate));
        self.certificate_thumbprints
            .iter()
            .any(|listed| listed.replace(':', "").trim().eq_ignore_ascii_case(&thumbprint))
    }
}

/// The buffer for messages to the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LocalBuffer {
    /// Maximum bytes in memory.
    pub memory_size: u64,
    /// Maximum bytes on disk; 0 to keep everything in memory.
    pub disk_size: u64,
    /// The file.
    #[serde(skip_serializing_if = "is_default")]
    pub filename_linux: String,
    /// The file.
    #[serde(skip_serializing_if = "is_default")]
    pub filename_darwin: String,
    /// The file.
    #[serde(skip_serializing_if = "is_default")]
    pub filename_windows: String,
}

impl Default for LocalBuffer {
    fn default() -> Self {
        LocalBuffer {
            memory_size: 50 << 20,
            disk_size: 0,
            filename_linux: String::new(),
            filename_darwin: String::new(),
            filename_windows: String::new(),
        }
    }
}

impl LocalBuffer {
    /// The file on this system, with variables replaced by `variable`; `None` to keep everything in memory.
    pub fn file(&self, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
        let path = for_this_system(
            &self.filename_linux,
            &self.filename_darwin,
            &self.filename_windows,
        );
        (self.disk_size > 0 && !path.is_empty()).then(|| expand(path, variable))
    }
}

/// Outgoing proxy in detail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProxyConfig {
    /// For http and ws.
    #[serde(skip_serializing_if = "is_default")]
    pub http: String,
    /// For https and wss.
    #[serde(skip_serializing_if = "is_default")]
    pub https: String,
    /// Regular expressions for addresses, each with its proxy; an empty proxy connects directly.
    #[serde(skip_serializing_if = "is_default")]
    pub proxy_url_regexp: BTreeMap<String, String>,
    /// URL of a proxy script; overrides the rest.
    #[serde(skip_serializing_if = "is_default")]
    pub pac: String,
    /// Ignore environment variables.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_environment: bool,
}

fn for_this_system<'a>(linux: &'a str, darwin: &'a str, windows: &'a str) -> &'a str {
    if cfg!(windows) {
        windows
    } else if cfg!(target_os = "macos") {
        darwin
    } else {
        linux
    }
}
