//! Permissions, and the roles that grant them.

use std::collections::BTreeSet;
use std::fmt;

macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$doc])* $variant,)* }

        impl $type {
            /// Every one.
            pub const ALL: &'static [$type] = &[$($type::$variant,)*];

            /// Its name in configuration and answers.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name,)* }
            }

            /// The one of this name, without regard to case.
            pub fn from_name(name: &str) -> Option<$type> {
                $type::ALL.iter().copied().find(|each| each.name().eq_ignore_ascii_case(name))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// Something a user may do.
    Permission {
        /// Run VQL on the server.
        AnyQuery = "ANY_QUERY",
        /// Send events to named queues.
        Publish = "PUBLISH",
        /// Read collections and events.
        ReadResults = "READ_RESULTS",
        /// Change labels and metadata of clients.
        LabelClient = "LABEL_CLIENT",
        /// Collect from clients, cancel, change client monitoring.
        CollectClient = "COLLECT_CLIENT",
        /// Collect artifacts marked basic.
        CollectBasic = "COLLECT_BASIC",
        /// Start hunts.
        StartHunt = "START_HUNT",
        /// Collect on the server.
        CollectServer = "COLLECT_SERVER",
        /// Write client artifacts.
        ArtifactWriter = "ARTIFACT_WRITER",
        /// Write server artifacts.
        ServerArtifactWriter = "SERVER_ARTIFACT_WRITER",
        /// Run processes.
        Execve = "EXECVE",
        /// Edit notebooks.
        NotebookEditor = "NOTEBOOK_EDITOR",
        /// Manage users and the server, read the audit log.
        ServerAdmin = "SERVER_ADMIN",
        /// Manage organisations.
        OrgAdmin = "ORG_ADMIN",
        /// Act as others.
        Impersonation = "IMPERSONATION",
        /// Read the server's files.
        FilesystemRead = "FILESYSTEM_READ",
        /// Write the server's files.
        FilesystemWrite = "FILESYSTEM_WRITE",
        /// Open connections from the server.
        Network = "NETWORK",
        /// Read the server's machine state.
        MachineState = "MACHINE_STATE",
        /// Create exports.
        PrepareResults = "PREPARE_RESULTS",
        /// Delete collections, events, clients.
        DeleteResults = "DELETE_RESULTS",
        /// Raw access to the store.
        DatastoreAccess = "DATASTORE_ACCESS",
    }
}

named! {
    /// A bundle of permissions.
    Role {
        /// Manages organisations.
        OrgAdmin = "org_admin",
        /// Everything but what is reserved.
        Administrator = "administrator",
        /// Looks at results.
        Reader = "reader",
        /// A program.
        Api = "api",
        /// Works on results.
        Analyst = "analyst",
        /// Works on results and collects more.
        Investigator = "investigator",
        /// Writes artifacts.
        ArtifactWriter = "artifact_writer",
    }
}

impl Role {
    fn grants(self) -> Vec<Permission> {
        use Permission::*;
        let analyst = [ReadResults, NotebookEditor, LabelClient, AnyQuery, PrepareResults];
        match self {
            Role::OrgAdmin => vec![OrgAdmin],
            Role::Administrator => {
                let reserved = |permission: &Permission| matches!(permission, Publish | DatastoreAccess);
                Permission::ALL
                    .iter()
                    .copied()
                    .filter(|permission| !reserved(permission))
                    .collect()
            }
            Role::Reader => vec![ReadResults],
            Role::Api => vec![AnyQuery, ReadResults],
            Role::Analyst => analyst.to_vec(),
            Role::Investigator => [&analyst[..], &[CollectClient, StartHunt]].concat(),
            Role::ArtifactWriter => vec![ArtifactWriter],
        }
    }
}

/// What these roles grant together; unknown names grant nothing.
pub fn permissions_of(roles: &[String]) -> BTreeSet<Permission> {
    roles
        .iter()
        .filter_map(|name| Role::from_name(name))
        .flat_map(Role::grants)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_grant_what_the_reference_says() {
        let of = |role: &str| permissions_of(&[role.to_owned()]);
        assert_eq!(of("reader"), BTreeSet::from([Permission::ReadResults]));
        assert!(of("Investigator").contains(&Permission::CollectClient));
        assert!(!of("analyst").contains(&Permission::CollectClient));
        assert!(!of("administrator").contains(&Permission::DatastoreAccess));
        assert!(of("nonsense").is_empty());
    }
}
