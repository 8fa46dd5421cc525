//! Endpoints as the database keeps them, and queries for them.

use super::pattern::TermPattern;
use crate::model::Micros;
use peregrine_base::{ClientId, FlowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Facts about an endpoint, from interrogation and from the agent itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientFacts {
    /// Host name without domain.
    pub hostname: String,
    /// Fully qualified name.
    pub fqdn: String,
    /// `linux`, `windows` or `darwin`.
    pub os: String,
    /// Distribution or product and its version.
    pub release: String,
    /// `amd64`, `arm64`, …
    pub architecture: String,
    /// Name of the agent program, as it gives it.
    pub agent_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Build time of the agent, as it gives it.
    pub build_time: String,
    /// Where the agent's build came from.
    pub build_url: String,
    /// Network addresses of the endpoint.
    pub addresses: Vec<String>,
    /// Hardware addresses of the endpoint.
    pub mac_addresses: Vec<String>,
}

/// An endpoint that is known before an agent of it is, if there ever is one.
#[derive(Debug, Clone, PartialEq)]
pub struct NewClient {
    /// `C.` and 16 hex digits.
    pub client_id: ClientId,
    /// What is known about the machine.
    pub facts: ClientFacts,
    /// Labels as entered.
    pub labels: Vec<String>,
    /// When it was first seen.
    pub first_seen: Micros,
    /// When it was last heard from.
    pub last_seen: Micros,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `C.` and 16 hex digits.
    pub client_id: ClientId,
    /// What is known about the machine.
    pub facts: ClientFacts,
    /// Labels as entered, sorted by their folded form.
    pub labels: Vec<String>,
    /// Address of the last request.
    pub last_ip: String,
    /// When its key was first stored.
    pub first_seen: Micros,
    /// When a server last heard from it.
    pub last_seen: Micros,
    /// The last interrogation that filled `facts`.
    pub last_interrogate_flow_id: Option<FlowId>,
    /// The server its agent is connected to; `None` while it is offline.
    pub held: Option<Held>,
    /// Version of the monitoring table last sent (ns).
    pub event_table_version: i64,
    /// What that table was made from: the later of the last changes to the table and to the labels (ns).
    pub event_table_basis: i64,
    /// When its labels last changed (ns); always later than any earlier `event_table_basis`.
    pub labels_changed: i64,
    /// Free key/value notes.
    pub metadata: BTreeMap<String, String>,
}

/// Which clients to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ClientFilter {
    /// Every client.
    #[default]
    All,
    /// The id matches.
    Id(TermPattern),
    /// A term of one of these kinds matches.
    Term(Vec<TermKind>, TermPattern),
    /// Has no label.
    NoLabels,
    /// The value under this metadata key matches.
    Metadata(String, TermPattern),
    /// This user opened it lately.
    Recent(String),
    /// Another client has the same host name.
    SameHostname,
    /// Another client has one of its hardware addresses.
    SameMacAddress,
}

/// Kinds of search terms of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermKind {
    /// Host name and FQDN.
    Name,
    /// Network addresses, also that of the last request.
    Address,
    /// Hardware addresses.
    MacAddress,
    /// Labels.
    Label,
}

/// What clients can be searched by, for suggestions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SearchField {
    /// Their ids.
    Id,
    /// Their terms of a kind.
    Term(TermKind),
    /// Keys of their metadata.
    MetadataKey,
    /// Values under a metadata key.
    Metadata(String),
}

/// Order of a client list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientSort {
    /// By host name.
    Hostname,
    /// By last contact.
    LastSeen,
    /// By first contact.
    FirstSeen,
    /// By operating system.
    Os,
}

/// Query for a list of clients.
#[derive(Debug, Clone, Default)]
pub struct ClientQuery {
    /// What to list.
    pub filter: ClientFilter,
    /// Only clients that are online (true) or offline (false).
    pub online: Option<bool>,
    /// Order; by default by host name, and [`ClientFilter::Recent`] with the last opened first.
    pub sort: Option<ClientSort>,
    /// Reverse order.
    pub descending: bool,
    /// Clients to skip.
    pub offset: u64,
    /// Most clients to return.
    pub limit: u64,
}

/// The packet with which an agent began to wait for tasks; tells which of several connections is the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The agent's session, unique to one run of the agent process.
    pub session: u64,
    /// When it was sent, by the agent's clock.
    pub timestamp: u64,
}

/// Which server an agent is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Id of the server.
    pub server_id: String,
    /// The packet with which the agent began to wait there; `None` while it does not wait.
    pub claim: Option<Claim>,
}

/// State of an agent's connection, as a server sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// The agent waits at this server.
    Waits(Claim),
    /// It is not waiting now but is expected back, here or at another server.
    Pauses,
    /// It has disconnected from this server.
    Left,
}

/// What a server reports about a client's connection.
#[derive(Debug, Clone)]
pub struct Touch {
    /// The client.
    pub client_id: ClientId,
    /// Time of the report.
    pub at: Micros,
    /// Address of the agent; empty keeps the stored one.
    pub ip: String,
    /// State of the connection.
    pub contact: Contact,
}
