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
    /// The beginning of a name, an address or an id; or a verb with a pattern, such as `host:web*`, `label:none` or `recent:`.
    pub search: Option<String>,
    /// Only those that are connected (true) or not (false).
    pub online: Option<bool>,
    /// `hostname`, `last_seen`, `first_seen` or `os`; by default `hostname`, and for `recent:` what was opened last.
    pub sort: Option<String>,
    /// Sort in descending order, unless the value is `false`.
    pub desc: Option<String>,
    /// How many to skip.
    pub offset: Option<u64>,
    /// How many to return: 100 by default, at most 1000.
    pub limit: Option<u64>,
}

/// Answer of `GET clients`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClientPage {
    /// How many match.
    pub total: u64,
    /// This page of them.
    pub clients: Vec<Client>,
}

/// Query string of `GET clients/suggestions`.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(default, deny_unknown_fields)]
pub struct SuggestionsQuery {
    /// What was typed so far.
    pub search: Option<String>,
    /// How many to return: 10 by default, at most 100.
    pub limit: Option<u64>,
}

/// Answer of `GET clients/suggestions`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Suggestions {
    /// Searches that continue the text. Those that end with a colon are to be continued.
    pub suggestions: Vec<String>,
}

/// An endpoint; also pushed as event `client`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Client {
    /// `C.` and 16 hex digits.
    pub client_id: String,
    /// Host name; like the members below, empty before the first interrogation.
    pub hostname: String,
    /// Fully qualified name.
    pub fqdn: String,
    /// `linux`, `windows` or `darwin`.
    pub os: String,
    /// Platform and version.
    pub os_release: String,
    /// Hardware architecture, such as `amd64`.
    pub architecture: String,
    /// Name of the agent program.
    pub agent_name: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Addresses of its network interfaces.
    pub addresses: Vec<String>,
    /// Address its last request came from.
    pub last_ip: String,
    /// Hardware addresses of its network interfaces.
    pub mac_addresses: Vec<String>,
    /// Labels, sorted.
    pub labels: Vec<String>,
    /// Whether its agent is connected.
    pub online: bool,
    /// When it enrolled.
    pub first_seen: String,
    /// When the server last heard from it.
    pub last_seen: String,
    /// The interrogation that the facts above are from.
    pub last_interrogate_flow_id: Option<String>,
    /// Collections its agent is working on.
    pub in_flight_flows: Vec<String>,
    /// Notes by name.
    pub metadata: BTreeMap<String, String>,
}

/// Answer of `GET clients/{client_id}/interrogation`: what the machine reported about itself.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Interrogation {
    /// The collection; null if there was none, like the next member.
    pub flow_id: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// Its tables, each with its first rows.
    pub tables: Vec<InterrogationTable>,
}

/// A table of an interrogation.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InterrogationTable {
    /// Columns.
    pub columns: Vec<Column>,
    /// Number of rows in the table.
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
    /// Labels to add.
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub add: Vec<String>,
    /// Labels to remove.
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub remove: Vec<String>,
}
