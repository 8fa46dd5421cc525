//! The roles that grant permissions.

use std::collections::BTreeSet;
use strum::{EnumString, IntoStaticStr, VariantArray};

pub use peregrine_base::Permission;

/// A bundle of permissions. Configuration and API use the variant's name in snake case: `org_admin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", ascii_case_insensitive)]
pub enum Role {
    /// Manages organisations.
    OrgAdmin,
    /// Everything except `AllQuery`, `Publish` and `DatastoreAccess`.
    Administrator,
    /// Reads results.
    Reader,
    /// For programs that query over the API.
    Api,
    /// Works on results.
    Analyst,
    /// Works on results and collects more.
    Investigator,
    /// Writes artifacts.
    ArtifactWriter,
}

impl Role {
    pub const ALL: &'static [Role] = Role::VARIANTS;

    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The role with this name; case is ignored.
    pub fn parse(name: &str) -> Option<Role> {
        name.parse().ok()
    }

    fn grants(self) -> Vec<Permission> {
        use Permission::*;
        let analyst = [ReadResults, NotebookEditor, LabelClient, AnyQuery, PrepareResults];
        match self {
            Role::OrgAdmin => vec![OrgAdmin],
            Role::Administrator => {
                let reserved =
                    |permission: &Permission| matches!(permission, AllQuery | Publish | DatastoreAccess);
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

/// The union of what these roles grant; unknown names grant nothing.
pub fn permissions_of(roles: &[String]) -> BTreeSet<Permission> {
    roles
        .iter()
        .filter_map(|name| Role::parse(name))
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
        assert!(!of("administrator").contains(&Permission::AllQuery));
        assert!(of("nonsense").is_empty());
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(*role));
        }
        assert_eq!(Role::OrgAdmin.name(), "org_admin");
    }
}
