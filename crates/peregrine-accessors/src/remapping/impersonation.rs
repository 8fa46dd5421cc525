//! The machine that a remapped query sees.

use super::reader::RuleText;
use std::collections::BTreeMap;

/// A name, a system and an environment; parts the rule leaves out are empty.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// Name of the machine.
    pub hostname: String,
    /// Its system: `linux`, `windows`, `darwin` or `freebsd`.
    pub os: String,
    /// Variables for `expand()`, by name in upper case.
    variables: BTreeMap<String, String>,
    /// Functions that give NULL.
    pub(super) disabled_functions: Vec<String>,
    /// Plugins that give no rows.
    pub(super) disabled_plugins: Vec<String>,
}

impl Identity {
    pub(super) fn new(rule: &RuleText) -> Result<Identity, String> {
        let mut variables = BTreeMap::new();
        for pair in &rule.env {
            if pair.key.is_empty() {
                return Err("`env` has a variable without name; give it a `key`".to_owned());
            }
            variables.insert(pair.key.to_uppercase(), pair.value.clone());
        }
        Ok(Identity {
            hostname: rule.hostname.clone(),
            os: rule.os.clone(),
            variables,
            disabled_functions: rule.disabled_functions.clone(),
            disabled_plugins: rule.disabled_plugins.clone(),
        })
    }

    /// An environment variable; names are compared regardless of case.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(&name.to_uppercase()).map(String::as_str)
    }

    /// Adds the values of a later rule, which replace earlier ones.
    pub(super) fn extend(&mut self, later: &Identity) {
        if !later.hostname.is_empty() {
            self.hostname.clone_from(&later.hostname);
        }
        if !later.os.is_empty() {
            self.os.clone_from(&later.os);
        }
        let variables = later.variables.iter();
        self.variables
            .extend(variables.map(|(name, value)| (name.clone(), value.clone())));
        self.disabled_functions
            .extend_from_slice(&later.disabled_functions);
        self.disabled_plugins.extend_from_slice(&later.disabled_plugins);
    }
}
