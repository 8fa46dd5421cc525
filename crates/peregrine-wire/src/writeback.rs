//! The persistent state of a client: its identity and its work in progress.

use crate::yaml::{self, is_default};
use crate::{Error, Result};
use peregrine_proto::VqlEventTable;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The state a client keeps over restarts.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Writeback {
    /// Unix seconds.
    #[serde(skip_serializing_if = "is_default")]
    pub install_time: u64,
    /// PEM `RSA PRIVATE KEY`.
    #[serde(skip_serializing_if = "is_default")]
    pub private_key: String,
    /// Informational: derived from the key.
    #[serde(skip_serializing_if = "is_default")]
    pub client_id: String,
    /// Legacy.
    #[serde(skip_serializing_if = "is_default")]
    pub hunt_last_timestamp: u64,
    /// Unused.
    #[serde(skip_serializing_if = "is_default")]
    pub last_server_serial_number: u64,
    /// The last accepted `server.pem`.
    #[serde(skip_serializing_if = "is_default")]
    pub last_server_pem: String,
    /// The last received event table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_queries: Option<VqlEventTable>,
    /// Flows that were running.
    #[serde(skip_serializing_if = "is_default")]
    pub checkpoints: Vec<Checkpoint>,
}

/// A flow that was running.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checkpoint {
    /// The flow.
    pub flow_id: String,
    /// The file that describes it.
    pub path: String,
}

impl Writeback {
    /// Reads a file. An event table that cannot be parsed is dropped, because the server will send it again;
    /// the identity would be lost for good.
    pub fn from_yaml(text: &str) -> Result<Writeback> {
        // The parser's message quotes the file, which may include the key.
        yaml::read_even_without(text, "event_queries")
            .map_err(|_| Error::BadConfig("the state file is not the YAML it should be".into()))
    }

    /// Writes the file; it contains a private key, so give it mode 0600.
    pub fn to_yaml(&self) -> Result<Zeroizing<String>> {
        yaml::write(self).map(Zeroizing::new)
    }

    /// The state from both levels, either of which may be missing or unreadable: the identity comes from the
    /// first, the rest from the second.
    pub fn from_levels(level1: Option<Writeback>, level2: Option<Writeback>) -> Writeback {
        match (level1, level2) {
            (Some(one), Some(two)) => Writeback {
                install_time: one.install_time,
                private_key: one.private_key,
                client_id: one.client_id,
                ..two
            },
            (one, two) => one.or(two).unwrap_or_default(),
        }
    }

    /// The content of the first level when there are two.
    pub fn identity(&self) -> Writeback {
        Writeback {
            install_time: self.install_time,
            private_key: self.private_key.clone(),
            client_id: self.client_id.clone(),
            ..Writeback::default()
        }
    }
}

impl std::fmt::Debug for Writeback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writeback")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}
