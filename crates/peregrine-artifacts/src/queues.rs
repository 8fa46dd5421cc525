//! The server's own queues: they exist even when nobody defines them.

use crate::kind::Kind;

const INTERNAL: &[&str] = &[
    "Server.Internal.Label",
    "Server.Internal.Interrogation",
    "Server.Internal.Enrollment",
    "Server.Internal.ClientConflict",
    "Server.Internal.Ping",
    "Server.Internal.Pong",
    "Server.Internal.Notifications",
    "Server.Internal.HuntUpdate",
    "Server.Internal.HuntModification",
    "Server.Internal.FrontendMetrics",
    "Server.Internal.ClientPing",
    "Server.Internal.ClientInfoSnapshot",
    "Server.Internal.ClientTasks",
    "Server.Internal.ClientScheduled",
    "Server.Internal.Inventory",
    "Server.Internal.MasterRegistrations",
    "Server.Internal.UserManager",
    "System.Hunt.Participation",
];
const SERVER_EVENT: &[&str] = &[
    "Server.Internal.Alerts",
    "Server.Internal.ArtifactModification",
    "Server.Internal.TimelineAdd",
    "Server.Internal.ClientDelete",
    "Server.Internal.MetadataModifications",
    "System.Hunt.Creation",
    "Server.Audit.Logs",
];
const CLIENT_EVENT: &[&str] = &["System.Flow.Completion", "System.Upload.Completion"];

/// Every queue with its type.
pub fn all() -> impl Iterator<Item = (&'static str, Kind)> {
    let of = |names: &'static [&'static str], kind| names.iter().map(move |&name| (name, kind));
    of(INTERNAL, Kind::Internal)
        .chain(of(SERVER_EVENT, Kind::ServerEvent))
        .chain(of(CLIENT_EVENT, Kind::ClientEvent))
}

/// The required type of a queue with this name.
#[must_use]
pub fn expected_kind(name: &str) -> Option<Kind> {
    all().find(|(queue, _)| *queue == name).map(|(_, kind)| kind)
}
