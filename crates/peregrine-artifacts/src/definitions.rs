//! One repository's own definitions, by name and alias.

use crate::error::Error;
use crate::model::{Artifact, Origin};
use crate::queues;
use crate::validate::check_form;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The definitions of `artifacts/**/*.yaml`: path and text.
pub const COMPILED_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/definitions.rs"));

#[derive(Debug, Default)]
pub(crate) struct Definitions(BTreeMap<String, Arc<Artifact>>);

impl Definitions {
    /// The definitions of this binary, and the queues the server needs.
    pub(crate) fn compiled_in() -> Definitions {
        let mut definitions = Definitions::default();
        for (_, raw) in COMPILED_IN {
            // A test loads every one of them, so none is refused.
            let _ = Artifact::from_yaml(raw).and_then(|artifact| {
                check_form(&artifact)?;
                definitions.insert(Artifact {
                    origin: Origin::CompiledIn,
                    ..artifact
                })
            });
        }
        definitions.add_queues();
        definitions
    }

    /// Defines the queues that are not defined yet.
    pub(crate) fn add_queues(&mut self) {
        for (name, kind) in queues::all() {
            self.0.entry(name.to_owned()).or_insert_with(|| {
                let raw = format!("name: {name}\ntype: {kind}\n").into();
                Arc::new(Artifact {
                    name: name.to_owned(),
                    kind,
                    raw,
                    origin: Origin::CompiledIn,
                    ..Artifact::default()
                })
            });
        }
    }

    /// Adds a definition that has been checked, under its name and aliases, or replaces the one it may replace.
    pub(crate) fn insert(&mut self, artifact: Artifact) -> Result<Arc<Artifact>, Error> {
        let is_replaceable = |old: &Artifact| artifact.is_built_in() || !old.is_built_in();
        if self.0.get(&artifact.name).is_some_and(|old| !is_replaceable(old)) {
            return Err(Error::BuiltIn(artifact.name));
        }
        let is_taken = |alias: &String| {
            let own = |other: &Arc<Artifact>| other.alias_of.as_ref() == Some(&artifact.name);
            *alias == artifact.name || self.0.get(alias).is_some_and(|other| !own(other))
        };
        if let Some(alias) = artifact.aliases.iter().find(|alias| is_taken(alias)) {
            return Err(Error::NameTaken(alias.clone()));
        }
        self.0
            .retain(|_, other| other.alias_of.as_ref() != Some(&artifact.name));
        for alias in &artifact.aliases {
            let copy = Artifact {
                name: alias.clone(),
                alias_of: Some(artifact.name.clone()),
                ..artifact.clone()
            };
            self.0.insert(alias.clone(), Arc::new(copy));
        }
        let artifact = Arc::new(artifact);
        self.0.insert(artifact.name.clone(), artifact.clone());
        Ok(artifact)
    }

    /// Removes a user's definition and its aliases.
    pub(crate) fn delete(&mut self, name: &str) -> Result<(), Error> {
        match self.0.get(name) {
            None => Err(Error::NotFound {
                name: name.to_owned(),
                suggestion: None,
            }),
            Some(artifact) if artifact.is_built_in() => Err(Error::BuiltIn(name.to_owned())),
            Some(_) => {
                self.0
                    .retain(|key, other| key != name && other.alias_of.as_deref() != Some(name));
                Ok(())
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Artifact>> {
        self.0.get(name).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Arc<Artifact>)> {
        self.0.iter()
    }
}
