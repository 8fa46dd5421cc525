//! What stands around a text: variables it is given, texts that run before it in the same scope.

use crate::catalogue::Argument;
use crate::names::words_used;
use peregrine_vql::ast::{File, Statement, StatementKind};
use peregrine_vql::parse_recovering;
use std::collections::BTreeSet;

/// What a text can refer to without defining it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Variables that are given, such as the parameters of an artifact.
    pub variables: Vec<Argument>,
    /// Texts that run before, such as what is imported: their LETs are there.
    pub before: Vec<File>,
    /// Words of the other texts of this scope: a LET of such a name has a purpose, and may see other rows there.
    pub used_elsewhere: BTreeSet<String>,
    /// Any other variable may be given too.
    pub is_open: bool,
    /// Some texts that run before are missing: LETs may be there that nobody knows of.
    pub lacks_texts: bool,
    /// The text defines names for others to use; who uses them is not known.
    pub is_library: bool,
}

impl Surroundings {
    /// A text of its own, perhaps with variables nobody told us about.
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
