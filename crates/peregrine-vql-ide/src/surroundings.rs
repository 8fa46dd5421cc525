//! The context of a text: variables it is given, and texts that run before it in the same scope.

use crate::catalogue::Argument;
use crate::names::words_used;
use peregrine_vql::ast::{File, Statement, StatementKind};
use peregrine_vql::parse_recovering;
use std::collections::BTreeSet;

/// What a text can refer to without defining it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Variables from outside, such as the parameters of an artifact.
    pub variables: Vec<Argument>,
    /// Texts that run before, such as imports, whose LETs are visible.
    pub before: Vec<File>,
    /// Words of the other texts in this scope: a LET with such a name is used, and may see other rows there.
    pub used_elsewhere: BTreeSet<String>,
    /// True if there may be other variables.
    pub is_open: bool,
    /// True if some texts that run before are missing, so that there may be unknown LETs.
    pub lacks_texts: bool,
    /// True if the text defines names for unknown users.
    pub is_library: bool,
}

impl Surroundings {
    /// A standalone text, possibly with unknown variables.
    #[must_use]
    pub fn open() -> Surroundings {
        Surroundings {
            is_open: true,
            ..Surroundings::default()
        }
    }

    /// Adds a text that runs before.
    pub fn add_before(&mut self, text: &str) {
        self.add_later(text);
        self.before.push(parse_recovering(text).0);
    }

    /// Adds a text that runs later in the same scope.
    pub fn add_later(&mut self, text: &str) {
        self.used_elsewhere.extend(words_used(text));
    }

    /// Forgets the LETs of these names.
    pub fn forget(&mut self, names: &[String]) {
        let is_forgotten = |statement: &Statement| match &statement.kind {
            StatementKind::Let(binding) => names.iter().any(|name| **name == *binding.name.text),
            StatementKind::Select(_) => true,
        };
        for file in &mut self.before {
            file.statements.retain(|statement| !is_forgotten(statement));
        }
        self.before.retain(|file| !file.statements.is_empty());
    }

    /// Adds a variable of which only the name is known.
    pub fn add_variable(&mut self, name: impl Into<String>) {
        self.variables.push(Argument {
            name: name.into(),
            ..Argument::default()
        });
    }
}
