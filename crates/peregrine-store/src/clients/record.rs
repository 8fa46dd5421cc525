//! Endpoints as the database keeps them, and questions about them.

use crate::model::Micros;
use peregrine_base::{ClientId, FlowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What interrogation and the agent itself tell about an endpoint.
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
    /// Name the agent gives itself.
    pub agent_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Build time of the agent, as it states it.
    pub build_time: String,
    /// Where the agent's build came from.
    pub build_url: String,
    /// Network addresses of the endpoint.
    pub addresses: Vec<String>,
    /// Hardware addresses of the endpoint.
    pub mac_addresses: Vec<String>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `C.` and 16 hex digits.
    pub client_id: ClientId,
    /// What is known about the machine.
    pub facts: ClientFacts,
    /// Labels as given, in order of their folded form.
    pub labels: Vec<String>,
    /// Address of the last request.
    pub last_ip: String,
    /// When its key was first stored.
    pub first_seen: Micros,
    /// When it last spoke to a server.
    pub last_seen: Micros,
    /// The last collection that filled `facts`.
    pub last_interrogate_flow_id: Option<FlowId>,
    /// Which server its agent is connected to; none while it is offline.
    pub held: Option<Held>,
    /// Version of the monitoring table last sent (ns).
    pub event_table_version: i64,
    /// The table and the labels it was made from: the time of their last change (ns).
    pub event_table_basis: i64,
    /// When its labels last changed (ns); later than any `event_table_basis` before.
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
    /// Id, host name or address contains the text.
    Any(String),
    /// Host name or FQDN matches the pattern (`*` glob, end open).
    Host(String),
    /// Has a label that matches the pattern.
    Label(String),
    /// Has no label.
    NoLabels,
    /// An address matches the pattern.
    Ip(String),
    /// A hardware address matches the pattern.
    Mac(String),
    /// The id matches the pattern.
    Id(String),
    /// Metadata key and pattern of its value.
    Metadata(String, String),
}

/// Order of a client list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientSort {
    /// By host name.
    #[default]
    Hostname,
    /// By last contact.
    LastSeen,
    /// By first contact.
    FirstSeen,
    /// By operating system.
    Os,
}

/// A question about clients.
#[derive(Debug, Clone, Default)]
pub struct ClientQuery {
    /// What to list.
    pub filter: ClientFilter,
    /// Only those that are online (true), or are not (false).
    pub online: Option<bool>,
    /// Order.
    pub sort: ClientSort,
    /// Reverse order.
    pub descending: bool,
    /// Rows to skip.
    pub offset: u64,
    /// Rows to give.
    pub limit: u64,
}

/// The packet with which an agent began to wait for tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Its session, which only the program that began it has.
    pub session: u64,
    /// Its time, by the agent's clock.
    pub timestamp: u64,
}

/// Which server an agent is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The server.
    pub server_id: String,
    /// The packet with which it began to wait there, if it does.
    pub claim: Option<Claim>,
}

/// What a server knows of the connection of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// The agent waits at this server.
    Waits(Claim),
    /// It is expected back, here or elsewhere.
    Pauses,
    /// It is gone from here.
    Left,
}

/// A sign of life, or the end of it.
#[derive(Debug, Clone)]
pub struct Touch {
    /// Who.
    pub client_id: ClientId,
    /// When.
    pub at: Micros,
    /// From where; empty keeps the stored address.
    pub ip: String,
    /// What became of the connection.
    pub contact: Contact,
}
