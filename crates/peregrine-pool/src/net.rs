//! The servers, as all agents of the pool share them: addresses, keys, TLS, and the way connections are made.

use crate::channel::{Channel, Target, Verb};
use crate::pace::Pace;
use anyhow::Context as _;
use peregrine_agent::parts;
use peregrine_wire::config::ClientConfig;
use peregrine_wire::{PublicKey, Silence, pki};
use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::sync::{Mutex, SemaphorePermit};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use url::Url;

/// Agents that share a source address where the server is on loopback. Between two addresses there are some
/// 28,000 ports, and some of them rest for a minute after use.
const AGENTS_PER_ADDRESS: usize = 1000;
/// Addresses that are used, 127.0.0.1 and following.
const MOST_ADDRESSES: usize = 250;
/// TLS sessions with one server that rustls keeps at most.
const SESSIONS: usize = 8;
/// How long nobody asks again for a server's certificate after that failed.
const REST: Duration = Duration::from_secs(1);

/// How agents talk to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A websocket on which the agent waits, whatever the scheme of the configured URLs.
    Websocket,
    /// A request that the server answers when there is work.
    Poll,
}

/// Shared by all agents.
pub(crate) struct Net {
    pub(crate) config: ClientConfig,
    pub(crate) servers: Vec<Server>,
    /// Silence after which a websocket, or an answer that has begun, counts as dead.
    pub(crate) silence: Duration,
    tls: rustls::ClientConfig,
    pace: Pace,
}

/// One of the configured servers.
pub(crate) struct Server {
    pub(crate) url: Url,
    /// Resolved once, because an agent that reconnects should not wait for a name server.
    addresses: Mutex<Vec<SocketAddr>>,
    key: Mutex<Key>,
}

#[derive(Default)]
struct Key {
    known: Option<PublicKey>,
    last_failure: Option<Instant>,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Net {
    pub(crate) fn new(
        config: ClientConfig,
        transport: Option<Transport>,
        connect_rate: Option<f64>,
    ) -> anyhow::Result<Net> {
        let servers: anyhow::Result<Vec<Server>> = config
            .server_urls
            .iter()
            .map(|text| Server::new(text, transport).with_context(|| format!("`server_urls`: `{text}`")))
            .collect();
        let tls = parts::tls_config(&config)?;
        Ok(Net {
            silence: Duration::from_secs(config.ws_ping_wait_sec).mul_f32(1.1) + Duration::from_secs(5),
            servers: servers?,
            tls,
            pace: Pace::new(connect_rate),
            config,
        })
    }

    /// TLS of one agent, which resumes its own sessions with the server as every agent does.
    pub(crate) fn tls(&self) -> TlsConnector {
        let mut tls = self.tls.clone();
        tls.resumption = Resumption::in_memory_sessions(SESSIONS * self.servers.len());
        Arc::new(tls).into()
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.config.connection_timeout)
    }

    /// A connection to send a request on. The permit is to be kept until the connection can be used.
    pub(crate) async fn dial(
        &self,
        target: Target<'_>,
    ) -> anyhow::Result<(Box<dyn Stream>, Option<SemaphorePermit<'_>>)> {
        let permit = self.pace.turn().await;
        let connect = async {
            let mut failure = None;
            for address in target.addresses {
                match self.dial_address(target, *address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failure = Some(error),
                }
            }
            Err(failure.unwrap_or_else(|| anyhow::anyhow!("the server has no address")))
        };
        let stream = timeout(self.timeout(), connect).await.context("no answer")??;
        Ok((stream, permit))
    }

    async fn dial_address(&self, target: Target<'_>, address: SocketAddr) -> anyhow::Result<Box<dyn Stream>> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(source) = source(address.ip(), target.agent) {
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(source, 0))?;
        }
        let tcp = socket.connect(address).await?;
        // Small packets should not be delayed.
        let _ = tcp.set_nodelay(true);
        if let Err(error) = Silence::AT_AGENT.notice(&tcp) {
            tracing::debug!(%error, "a connection whose silent end may be noticed late");
        }
        if !is_tls(target.url) {
            return Ok(Box::new(tcp));
        }
        let name = match self.config.use_self_signed_ssl {
            true => self.config.pinned_server_name.clone(),
            false => host(target.url)?.to_owned(),
        };
        Ok(Box::new(
            target.tls.connect(ServerName::try_from(name)?, tcp).await?,
        ))
    }
}

impl Server {
    fn new(text: &str, transport: Option<Transport>) -> anyhow::Result<Server> {
        let mut url = Url::parse(text)?;
        let scheme = match (transport, is_tls(&url)) {
            (None, _) => url.scheme().to_owned(),
            (Some(Transport::Websocket), true) => "wss".to_owned(),
            (Some(Transport::Websocket), false) => "ws".to_owned(),
            (Some(Transport::Poll), true) => "https".to_owned(),
            (Some(Transport::Poll), false) => "http".to_owned(),
        };
        let changed = url.set_scheme(&scheme);
        anyhow::ensure!(changed.is_ok(), "no URL of the scheme `{scheme}`");
        Ok(Server {
            url,
            addresses: Mutex::default(),
            key: Mutex::default(),
        })
    }

    /// Where it is.
    pub(crate) async fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        let mut known = self.addresses.lock().await;
        if known.is_empty() {
            let default = if is_tls(&self.url) { 443 } else { 80 };
            let port = self.url.port().unwrap_or(default);
            let found = tokio::net::lookup_host((host(&self.url)?, port)).await;
            *known = found
                .with_context(|| format!("looking up `{}`", self.url))?
                .collect();
        }
        Ok(known.clone())
    }

    /// Its key, which is fetched once for all agents. A real agent fetches it once per server it comes to.
    pub(crate) async fn key(&self, net: &Net, agent: usize) -> anyhow::Result<PublicKey> {
        let mut key = self.key.lock().await;
        if let Some(known) = &key.known {
            return Ok(known.clone());
        }
        let is_resting = key.last_failure.is_some_and(|last| last.elapsed() < REST);
        anyhow::ensure!(!is_resting, "its certificate could not be fetched a moment ago");
        let fetched = self.fetch_key(net, agent).await;
        match &fetched {
            Ok(fetched) => key.known = Some(fetched.clone()),
            Err(_) => key.last_failure = Some(Instant::now()),
        }
        fetched
    }

    /// Forgets its key, which seems to have been replaced.
    pub(crate) async fn forget_key(&self, old: &PublicKey) {
        let mut key = self.key.lock().await;
        if key.known.as_ref() == Some(old) {
            key.known = None;
        }
    }

    async fn fetch_key(&self, net: &Net, agent: usize) -> anyhow::Result<PublicKey> {
        let mut plain = self.url.join("server.pem")?;
        let scheme = if is_tls(&plain) { "https" } else { "http" };
        anyhow::ensure!(plain.set_scheme(scheme).is_ok(), "no HTTP form of the URL");
        let addresses = self.addresses().await?;
        let target = Target {
            url: &plain,
            addresses: &addresses,
            agent,
            tls: &net.tls(),
        };
        let mut channel = Channel::default();
        let fetching = channel.exchange(net, target, Verb::Get, Vec::new(), &|_| {});
        let answer = timeout(net.timeout(), fetching).await.context("no answer")??;
        anyhow::ensure!(answer.status == 200, "status {} for `{plain}`", answer.status);
        let text = String::from_utf8(answer.body)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let config = &net.config;
        Ok(pki::verify_server(
            &text,
            &config.ca_certificate,
            &config.pinned_server_name,
            now,
        )?)
    }
}

pub(crate) fn is_websocket(url: &Url) -> bool {
    matches!(url.scheme(), "ws" | "wss")
}

fn is_tls(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "wss")
}

fn host(url: &Url) -> anyhow::Result<&str> {
    let host = url.host_str().context("the URL has no host")?;
    Ok(host.trim_matches(['[', ']']))
}

/// The address from which an agent connects; `None` where the system chooses.
fn source(server: IpAddr, agent: usize) -> Option<IpAddr> {
    let IpAddr::V4(address) = server else { return None };
    if !address.is_loopback() {
        return None;
    }
    let number = u8::try_from(agent / AGENTS_PER_ADDRESS % MOST_ADDRESSES).unwrap_or(0);
    Some(Ipv4Addr::new(127, 0, 0, number + 1).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_come_from_several_addresses_of_loopback_and_from_one_elsewhere() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let last = |agent| source(loopback, agent).unwrap().to_string();
        assert_eq!(last(0), "127.0.0.1");
        assert_eq!(last(999), "127.0.0.1");
        assert_eq!(last(19_999), "127.0.0.20");
        assert_eq!(last(250_000), "127.0.0.1");
        assert_eq!(source(IpAddr::from([192, 0, 2, 1]), 5), None);
        assert_eq!(source("::1".parse().unwrap(), 5), None);
    }

    #[test]
    fn the_transport_changes_the_scheme_and_not_its_security() {
        let url = |text, transport| Server::new(text, transport).unwrap().url.to_string();
        assert_eq!(url("https://x:1/a/", None), "https://x:1/a/");
        assert_eq!(url("https://x:1/a/", Some(Transport::Websocket)), "wss://x:1/a/");
        assert_eq!(url("ws://x/", Some(Transport::Poll)), "http://x/");
        assert_eq!(url("wss://x/", Some(Transport::Poll)), "https://x/");
    }
}
