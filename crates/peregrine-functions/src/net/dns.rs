//! A small DNS client: one question, over UDP, or over TCP when the answer is too long.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, RCODE, TYPE};

use crate::prelude::*;

/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);
/// A server that is silent for this long is asked once more, then given up.
const SILENCE: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 2;

/// The servers to ask.
pub(super) struct Servers {
    addresses: Vec<SocketAddr>,
    /// Suffixes that are tried for names without a dot.
    search: Vec<String>,
}

/// The types of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    A,
    Aaaa,
    Ptr,
    Ns,
    Mx,
    Srv,
    Txt,
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    Address(IpAddr),
    /// An alias, and the name it refers to.
    Alias(String, String),
    Name(String),
    Mail(u16, String),
    Service {
        priority: u16,
        weight: u16,
        port: u16,
        target: String,
    },
    Text(Vec<u8>),
}

impl Servers {
    /// One server: `address`, `address:port`.
    pub(super) fn one(text: &str) -> Result<Servers, String> {
        let address = text
            .parse::<SocketAddr>()
            .or_else(|_| text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53)))
            .map_err(|_| format!("`server` `{text}` is not an address; give one such as `192.0.2.53:53`"))?;
        Ok(Servers {
            addresses: vec![address],
            search: Vec::new(),
        })
    }

    /// The servers of the system's configuration.
    pub(super) fn of_system() -> Result<Servers, String> {
        let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let servers = parse_resolv_conf(&text);
        if servers.addresses.is_empty() {
            return Err("the system names no DNS server; give one as `server`".to_owned());
        }
        Ok(servers)
    }

    /// All records of a type.
    pub(super) fn ask(&self, scope: &Scope, name: &str, kind: Kind) -> VqlResult<Vec<Record>> {
        let mut names = vec![name.to_owned()];
        if !name.trim_end_matches('.').contains('.') && !name.ends_with('.') {
            names.extend(self.search.iter().map(|ending| format!("{name}.{ending}")));
        }
        let mut problem = String::new();
        for name in &names {
            for server in self.addresses.iter().cycle().take(self.addresses.len().min(8)) {
                match ask_server(scope, *server, name, kind) {
                    Ok(records) => return Ok(records),
                    Err(Trouble::Stopped) => return Err(VqlError::Stopped),
                    Err(Trouble::NoSuchName) => {
                        problem = format!("no such host `{name}`");
                        break;
                    }
                    Err(Trouble::Failed(error)) => problem = format!("{server}: {error}"),
                }
            }
        }
        Err(problem.into())
    }
}

/// `nameserver` and `search` lines.
fn parse_resolv_conf(text: &str) -> Servers {
    let mut servers = Servers {
        addresses: Vec::new(),
        search: Vec::new(),
    };
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                let address = words.next().and_then(|text| text.parse::<IpAddr>().ok());
                servers
                    .addresses
                    .extend(address.map(|address| SocketAddr::new(address, 53)));
            }
            Some("search" | "domain") => servers.search = words.take(6).map(str::to_owned).collect(),
            _ => {}
        }
    }
    servers
}

enum Trouble {
    Stopped,
    NoSuchName,
    Failed(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Failed(error.to_string())
    }
}

impl From<Stop> for Trouble {
    fn from(_: Stop) -> Trouble {
        Trouble::Stopped
    }
}

fn ask_server(scope: &Scope, server: SocketAddr, name: &str, kind: Kind) -> Result<Vec<Record>, Trouble> {
    let mut id = [0; 2];
    scope.context().random().fill(&mut id);
    let id = u16::from_be_bytes(id);
    let question = question(id, name, kind).map_err(Trouble::Failed)?;
    let mut answer = over_udp(scope, server, &question, id)?;
    let is_cut = Packet::parse(&answer).is_ok_and(|packet| packet.has_flags(PacketFlag::TRUNCATION));
    if is_cut {
        answer = over_tcp(scope, server, &question)?;
    }
    records(&answer, id)
}

fn question(id: u16, name: &str, kind: Kind) -> Result<Vec<u8>, String> {
    let name = Name::new(name).map_err(|_| format!("`{name}` is not a host name"))?;
    let wanted = match kind {
        Kind::A => TYPE::A,
        Kind::Aaaa => TYPE::AAAA,
        Kind::Ptr => TYPE::PTR,
        Kind::Ns => TYPE::NS,
        Kind::Mx => TYPE::MX,
        Kind::Srv => TYPE::SRV,
        Kind::Txt => TYPE::TXT,
    };
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet
        .questions
        .push(Question::new(name, QTYPE::TYPE(wanted), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(|error| error.to_string())
}

fn over_udp(scope: &Scope, server: SocketAddr, question: &[u8], id: u16) -> Result<Vec<u8>, Trouble> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0))?;
    // Connected, so that datagrams from others are ignored.
    socket.connect(server)?;
    socket.set_read_timeout(Some(TICK))?;
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..ATTEMPTS {
        socket.send(question)?;
        let asked = Instant::now();
        while asked.elapsed() < SILENCE {
            pause(scope)?;
            match socket.recv(&mut buffer) {
                Ok(length) => {
                    let answer = buffer.get(..length).unwrap_or_default();
                    if answer.get(..2) == Some(&id.to_be_bytes()) {
                        return Ok(answer.to_vec());
                    }
                }
                Err(error) if is_timeout(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Err(Trouble::Failed("the server does not answer".to_owned()))
}

fn over_tcp(scope: &Scope, server: SocketAddr, question: &[u8]) -> Result<Vec<u8>, Trouble> {
    let mut stream = TcpStream::connect_timeout(&server, SILENCE)?;
    stream.set_read_timeout(Some(TICK))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let length = u16::try_from(question.len()).map_err(|_| Trouble::Failed("a too long question".into()))?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    fill(scope, &mut stream, &mut length)?;
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    fill(scope, &mut stream, &mut answer)?;
    Ok(answer)
}

fn fill(scope: &Scope, stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(), Trouble> {
    let start = Instant::now();
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        pause(scope)?;
        match stream.read(rest) {
            Ok(0) => return Err(Trouble::Failed("the server broke off".to_owned())),
            Ok(length) => done += length,
            Err(error) if is_timeout(&error) && start.elapsed() < SILENCE => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn pause(scope: &Scope) -> Result<(), Stop> {
    if scope.cancellation().is_cancelled() {
        return Err(Stop);
    }
    scope.checkpoint()
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut | std::io::ErrorKind::Interrupted
    )
}

fn records(answer: &[u8], id: u16) -> Result<Vec<Record>, Trouble> {
    let packet = Packet::parse(answer)
        .map_err(|error| Trouble::Failed(format!("an answer that cannot be read: {error}")))?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return Err(Trouble::Failed("an answer to another question".to_owned()));
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(Trouble::NoSuchName),
        other => return Err(Trouble::Failed(format!("the server says {other:?}"))),
    }
    let full = |name: &Name<'_>| format!("{name}.");
    Ok(packet
        .answers
        .iter()
        .filter_map(|record| {
            Some(match &record.rdata {
                RData::A(found) => Record::Address(Ipv4Addr::from(found.address).into()),
                RData::AAAA(found) => Record::Address(Ipv6Addr::from(found.address).into()),
                RData::CNAME(alias) => Record::Alias(full(&record.name), full(&alias.0)),
                RData::PTR(name) => Record::Name(full(&name.0)),
                RData::NS(name) => Record::Name(full(&name.0)),
                RData::MX(mail) => Record::Mail(mail.preference, full(&mail.exchange)),
                RData::SRV(service) => Record::Service {
                    priority: service.priority,
                    weight: service.weight,
                    port: service.port,
                    target: full(&service.target),
                },
                RData::TXT(text) => Record::Text(text_of(text)),
                _ => return None,
            })
        })
        .collect())
}

/// The strings of a record, concatenated.
fn text_of(text: &simple_dns::rdata::TXT<'_>) -> Vec<u8> {
    String::try_from(text.clone()).map_or_else(|_| Vec::new(), String::into_bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn servers_of_the_system() {
        let servers = super::parse_resolv_conf(
            "# c\nnameserver 192.0.2.1\nnameserver fe80::1\nsearch a.example b.example\nnameserver x",
        );
        assert_eq!(servers.addresses.len(), 2);
        assert_eq!(servers.search, ["a.example", "b.example"]);
    }

    #[test]
    fn any_answer_can_be_read() {
        for length in 0..64 {
            let bytes: Vec<u8> = (0..length).map(|i| (i * 37 % 251) as u8).collect();
            let _ = super::records(&bytes, 37);
        }
    }
}
