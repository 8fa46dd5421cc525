//! The permissions of users and their queries.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A permission. Its name in artifacts, rules, configuration and messages is the variant's in capitals: `READ_RESULTS`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", ascii_case_insensitive)]
pub enum Permission {
    /// The old spelling of [`AnyQuery`](Permission::AnyQuery); no role grants it, and artifacts cannot
    /// require it.
    AllQuery,
    /// Run VQL on the server.
    AnyQuery,
    /// Send events to named queues.
    Publish,
    /// Read collections and events.
    ReadResults,
    /// Change labels and metadata of clients.
    LabelClient,
    /// Collect from clients, cancel, change client monitoring.
    CollectClient,
    /// Collect artifacts marked basic.
    CollectBasic,
    /// Start hunts.
    StartHunt,
    /// Collect on the server.
    CollectServer,
    /// Write client artifacts.
    ArtifactWriter,
    /// Write server artifacts.
    ServerArtifactWriter,
    /// Run processes.
    Execve,
    /// Edit notebooks.
    NotebookEditor,
    /// Act as others.
    Impersonation,
    /// Manage users and the server, read the audit log.
    ServerAdmin,
    /// Manage organisations.
    OrgAdmin,
    /// Read files of the machine the query runs on.
    FilesystemRead,
    /// Write files of the machine the query runs on.
    FilesystemWrite,
    /// Open connections from the machine the query runs on.
    Network,
    /// Read the state of the machine the query runs on.
    MachineState,
    /// Create exports.
    PrepareResults,
    /// Delete collections, events, clients.
    DeleteResults,
    /// Raw access to the store.
    DatastoreAccess,
}

impl Permission {
    /// All of them.
    pub const ALL: &'static [Permission] = Permission::VARIANTS;

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The permission of this name, ignoring case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Permission> {
        name.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Permission;

    #[test]
    fn names_are_those_of_the_field() {
        // Names are used in artifacts and configurations of others: renaming a variant must not change them.
        let names: Vec<&str> = Permission::ALL.iter().map(|known| known.name()).collect();
        assert_eq!(
            names.join(" "),
            "ALL_QUERY ANY_QUERY PUBLISH READ_RESULTS LABEL_CLIENT COLLECT_CLIENT COLLECT_BASIC START_HUNT COLLECT_SERVER \
             ARTIFACT_WRITER SERVER_ARTIFACT_WRITER EXECVE NOTEBOOK_EDITOR IMPERSONATION SERVER_ADMIN ORG_ADMIN FILESYSTEM_READ \
             FILESYSTEM_WRITE NETWORK MACHINE_STATE PREPARE_RESULTS DELETE_RESULTS DATASTORE_ACCESS"
        );
        for known in Permission::ALL {
            assert_eq!(Permission::parse(known.name()), Some(*known));
            assert_eq!(Permission::parse(&known.to_string().to_lowercase()), Some(*known));
        }
        assert_eq!(Permission::parse("FILE_READ"), None);
    }
}
