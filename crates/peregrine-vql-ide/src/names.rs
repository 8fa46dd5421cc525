//! The names a text itself gives: LETs with their parameters, and aliases. Scoping is dynamic, so a name given anywhere
//! may be meant anywhere.

use crate::walk::{self, Visitor};
use peregrine_vql::ast::{File, Name, StatementKind};
use std::collections::{BTreeMap, BTreeSet};

/// The names of a text.
#[derive(Default)]
pub(crate) struct Names {
    /// The parameters of each LET, and whether each is required; `None`: it takes none, or has several definitions.
    pub(crate) lets: BTreeMap<String, Option<Vec<(String, bool)>>>,
    /// Parameters and aliases: what they hold is known only at run time.
    pub(crate) variables: BTreeSet<String>,
}

impl Names {
    pub(crate) fn of(file: &File) -> Names {
        let mut names = Names::default();
        for statement in &file.statements {
            if let StatementKind::Let(binding) = &statement.kind {
                let params = binding.params.as_ref().map(|params| {
                    params
                        .iter()
                        .map(|param| (param.name.text.to_string(), param.default.is_none()))
                        .collect::<Vec<_>>()
                });
                let param_names = params.iter().flatten().map(|(name, _)| name.clone());
                names.variables.extend(param_names);
                names
                    .lets
                    .entry(binding.name.text.to_string())
                    .and_modify(|known| *known = None)
                    .or_insert(params);
            }
            walk::statement(&mut names, statement);
        }
        names
    }

    /// The text gives this name to something.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.lets.contains_key(name) || self.variables.contains(name)
    }
}

impl Visitor for Names {
    fn alias(&mut self, alias: &Name) {
        self.variables.insert(alias.text.to_string());
    }
}
