//! Where an artifact runs.

use std::fmt;

/// The `type` of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Kind {
    /// On an agent, on demand.
    #[default]
    Client,
    /// On agents, continuously.
    ClientEvent,
    /// On the server, on demand.
    Server,
    /// On the server, continuously.
    ServerEvent,
    /// A queue between parts of the server.
    Internal,
    /// A template for notebooks.
    Notebook,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Kind; 6] = [
        Kind::Client,
        Kind::ClientEvent,
        Kind::Server,
        Kind::ServerEvent,
        Kind::Internal,
        Kind::Notebook,
    ];

    /// Reads a type name; the empty name means `client`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Kind> {
        if name.is_empty() {
            return Some(Kind::Client);
        }
        Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }

    /// The name as stored: lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Client => "client",
            Kind::ClientEvent => "client_event",
            Kind::Server => "server",
            Kind::ServerEvent => "server_event",
            Kind::Internal => "internal",
            Kind::Notebook => "notebook",
        }
    }

    /// True for kinds whose rows keep coming: results are a queue rather than a result set.
    #[must_use]
    pub fn is_event(self) -> bool {
        matches!(self, Kind::ClientEvent | Kind::ServerEvent | Kind::Internal)
    }

    /// The permission to create, change or delete an artifact of this kind; `None` if nobody may.
    #[must_use]
    pub fn writer_permission(self) -> Option<&'static str> {
        match self {
            Kind::Client | Kind::ClientEvent => Some("ARTIFACT_WRITER"),
            Kind::Server | Kind::ServerEvent | Kind::Notebook => Some("SERVER_ARTIFACT_WRITER"),
            Kind::Internal => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
