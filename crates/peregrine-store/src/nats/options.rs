//! The server of a bus and the login to it, as the configuration file has them.

use crate::nats::subject::percent_decode;
use async_nats::{ConnectOptions, ServerAddr};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// Most servers in a list.
const MAX_SERVERS: usize = 64;
/// Time for one server to accept a connection.
const SERVER_TIMEOUT: Duration = Duration::from_secs(5);
/// Ping interval; a link that is silent for three intervals counts as broken.
const PING: Duration = Duration::from_secs(10);
/// Messages received but not yet handed on.
const INCOMING: usize = 16 << 10;
/// Messages handed to the client library; they wait there while the link is broken.
const OUTGOING: usize = 256;

/// URLs of servers of one cluster, any of which may be used.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NatsServers {
    /// No NATS bus.
    #[default]
    None,
    /// `nats://host:4222` or `tls://host:4222`, possibly with user and password, or a token.
    One(String),
    /// Several such URLs.
    Several(Vec<String>),
}

impl NatsServers {
    /// Whether no server is configured.
    pub fn is_none(&self) -> bool {
        self.urls().is_empty()
    }

    /// The URLs; empty if none is configured.
    pub fn urls(&self) -> &[String] {
        match self {
            NatsServers::None => &[],
            NatsServers::One(url) => std::slice::from_ref(url),
            NatsServers::Several(urls) => urls,
        }
    }
}

impl fmt::Debug for NatsServers {
    /// Shows no URLs: one may contain a password.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} servers", self.urls().len())
    }
}

/// Further settings of a connection; those left out are not used.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsOptions {
    /// User name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Password of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Token, instead of user and password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A file with a user's JWT and key (`.creds`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_file: Option<PathBuf>,
    /// PEM file of the authorities that servers are checked against; by default those of the system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_certificates: Option<PathBuf>,
    /// PEM file of the client certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<PathBuf>,
    /// PEM file of the certificate's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_key: Option<PathBuf>,
}

impl NatsOptions {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == NatsOptions::default()
    }
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NatsOptions")
            .field("user", &self.user)
            .field("credentials_file", &self.credentials_file)
            .field("root_certificates", &self.root_certificates)
            .field("client_certificate", &self.client_certificate)
            .finish_non_exhaustive()
    }
}

/// Arguments for the client library.
pub(super) struct Target {
    /// URLs without secrets, which the library would log.
    pub(super) servers: Vec<ServerAddr>,
    pub(super) options: ConnectOptions,
    /// The servers, for messages.
    pub(super) name: String,
}

/// Checks the settings; the error says what to change.
pub(super) async fn target(servers: &NatsServers, options: &NatsOptions) -> Result<Target, String> {
    let urls = servers.urls();
    if urls.is_empty() || urls.len() > MAX_SERVERS {
        return Err(format!(
            "{} servers are named; name between 1 and {MAX_SERVERS}",
            urls.len()
        ));
    }
    let mut options = options.clone();
    let mut plain = Vec::new();
    for (number, url) in (1..).zip(urls) {
        let place = |fault: &str| {
            format!("URL {number} {fault}; give one like `nats://name:4222` or `tls://name:4222`")
        };
        let (url, login) = server(url).map_err(|fault| place(&fault))?;
        add(&mut options, login)?;
        plain.push(url);
    }
    let names: Vec<&str> = plain.iter().map(Url::as_str).collect();
    let name = format!("`{}`", names.join("`, `"));
    let must_encrypt = plain.iter().any(|url| url.scheme() == "tls");
    let servers = plain.into_iter().map(ServerAddr::from_url);
    Ok(Target {
        servers: servers
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?,
        options: connect_options(&options).await?.require_tls(must_encrypt),
        name,
    })
}

/// User and password, or a token.
type Login = (Option<String>, Option<String>, Option<String>);

/// Splits a URL into one without secrets, and the login it had.
fn server(text: &str) -> Result<(Url, Login), String> {
    let mut url = Url::parse(text).map_err(|error| format!("cannot be read ({error})"))?;
    if !matches!(url.scheme(), "nats" | "tls") {
        return Err(format!("has the scheme `{}`", url.scheme()));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no host".to_owned());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("has something behind the port".to_owned());
    }
    let decode = |text: &str| percent_decode(text).ok_or("has a user or password with a bad `%`");
    let user = Some(decode(url.username())?).filter(|user| !user.is_empty());
    let login = match url.password().map(decode).transpose()? {
        Some(password) => (user, Some(password), None),
        None => (None, None, user),
    };
    let failed = |()| "has no host".to_owned();
    url.set_password(None)
        .and_then(|()| url.set_username(""))
        .map_err(failed)?;
    url.set_path("");
    Ok((url, login))
}

/// Every URL may repeat the login, but none may have another.
fn add(options: &mut NatsOptions, (user, password, token): Login) -> Result<(), String> {
    let kept = [&mut options.user, &mut options.password, &mut options.token];
    for (kept, given) in kept.into_iter().zip([user, password, token]) {
        match given {
            Some(given) if kept.as_ref().is_some_and(|kept| *kept != given) => {
                return Err("several logins are named; give one, in a URL or in the options".to_owned());
            }
            Some(given) => *kept = Some(given),
            None => {}
        }
    }
    Ok(())
}

async fn connect_options(options: &NatsOptions) -> Result<ConnectOptions, String> {
    let mut connect = ConnectOptions::new()
        .name("peregrine")
        .connection_timeout(SERVER_TIMEOUT)
        .ping_interval(PING)
        .subscription_capacity(INCOMING)
        .client_capacity(OUTGOING)
        .max_reconnects(None)
        // Servers that a server announces are not in the configuration: neither encryption nor names would be checked.
        .ignore_discovered_servers();
    match (
        &options.user,
        &options.password,
        &options.token,
        &options.credentials_file,
    ) {
        (None, None, None, None) => {}
        (Some(user), Some(password), None, None) => {
            connect = connect.user_and_password(user.clone(), password.clone());
        }
        (None, None, Some(token), None) => connect = connect.token(token.clone()),
        (None, None, None, Some(path)) => {
            let text = read("credentials_file", path).await?;
            let failed = |_| {
                format!(
                    "`credentials_file` `{}` is not a credentials file",
                    path.display()
                )
            };
            connect = connect
                .credentials(&String::from_utf8_lossy(&text))
                .map_err(failed)?;
        }
        _ => return Err("give `user` with `password`, or `token`, or `credentials_file`".to_owned()),
    }
    if let Some(path) = &options.root_certificates {
        check_certificates("root_certificates", path).await?;
        connect = connect.add_root_certificates(path.clone());
    }
    match (&options.client_certificate, &options.client_key) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            check_certificates("client_certificate", certificate).await?;
            read("client_key", key).await?;
            connect = connect.add_client_certificate(certificate.clone(), key.clone());
        }
        _ => return Err("give `client_certificate` and `client_key`, or neither".to_owned()),
    }
    Ok(connect)
}

async fn check_certificates(option: &str, path: &Path) -> Result<(), String> {
    let pem = read(option, path).await?;
    match CertificateDer::pem_slice_iter(&pem).next() {
        Some(Ok(_)) => Ok(()),
        _ => Err(format!(
            "`{option}` `{}` has no certificate in PEM",
            path.display()
        )),
    }
}

async fn read(option: &str, path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("`{option}` `{}`: {error}", path.display());
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(owned)).await;
    read.map_err(|error| failed(error.into()))?.map_err(failed)
}
