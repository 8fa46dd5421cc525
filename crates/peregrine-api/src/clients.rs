//! Endpoints.

use crate::table::{Column, TablePage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Query string of `GET clients`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct ClientsQuery {
    /// Text of id, name or address; or `host:`, `label:`, `ip:`, `mac:` and a pattern.
    pub search: Option<String>,
    /// Only those that are connected, or not.
    pub online: Option<bool>,
    /// `hostname`, `last_seen`, `first_seen` or `os`.
    pub sort: Option<String>,
    /// The other way round, unless it says `false`.
    pub desc: Option<String>,
    /// How many to skip.
    pub offset: Option<u64>,
    /// How many to tell, at most 1000; 100 when nothing is said.
    pub limit: Option<u64>,
}

/// Answer of `GET clients`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClientPage {
    /// How many match.
    pub total: u64,
    /// Those of this page.
    pub clients: Vec<Client>,
}

/// An endpoint; also pushed, as event `client`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Client {
    /// `C.` and 16 hex digits.
    pub client_id: String,
    /// Its name; empty before the first interrogation, as what follows.
    pub hostname: String,
    /// Its full name.
    pub fqdn: String,
    /// `linux`, `windows` or `darwin`.
    pub os: String,
    /// Platform and version.
    pub os_release: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// What the agent calls itself.
    pub agent_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Addresses of its network cards.
    pub addresses: Vec<String>,
    /// Address of its last request.
    pub last_ip: String,
    /// Hardware addresses of its network cards.
    pub mac_addresses: Vec<String>,
    /// Labels in order.
    pub labels: Vec<String>,
    /// It is connected.
    pub online: bool,
    /// When it first came.
    pub first_seen: String,
    /// When it was last heard.
    pub last_seen: String,
    /// The collection its facts are from.
    pub last_interrogate_flow_id: Option<String>,
    /// Collections it works on.
    pub in_flight_flows: Vec<String>,
    /// Notes by name.
    pub metadata: BTreeMap<String, String>,
}

/// Answer of `GET clients/{client_id}/interrogation`: what the machine told about itself.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Interrogation {
    /// The collection; null when there was none, as below.
    pub flow_id: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Its tables, the first rows of each.
    pub tables: Vec<InterrogationTable>,
}

/// A table of an interrogation.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InterrogationTable {
    /// Columns.
    pub columns: Vec<Column>,
    /// How many rows there are.
    pub total: u64,
    /// Always 0.
    pub offset: u64,
    /// Cells in column order.
    #[cfg_attr(test, ts(type = "Array<Array<Json>>"))]
    pub rows: Vec<Vec<Value>>,
    /// Always true.
    pub complete: bool,
    /// `Artifact/Source`.
    pub name: String,
}

impl InterrogationTable {
    /// The first page of a table, with its name.
    pub fn new(name: &str, page: TablePage) -> InterrogationTable {
        InterrogationTable {
            columns: page.columns,
            total: page.total,
            offset: page.offset,
            rows: page.rows,
            complete: page.complete,
            name: name.to_owned(),
        }
    }
}

/// Body of `PUT clients/{client_id}/labels`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct LabelChange {
    /// Labels it gets.
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub add: Vec<String>,
    /// Labels it loses.
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub remove: Vec<String>,
}
