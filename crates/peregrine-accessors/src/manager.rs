//! The names of accessors, and how a query gets one.

use crate::{
    Accessor, Error, Result, data::DataAccessor, file::FileAccessor, pipe::PipeAccessor,
    raw_file::RawFileAccessor, scope_accessor::ScopeAccessor,
};
use peregrine_engine::prelude::{Permission, Scope};
use std::collections::BTreeMap;
use std::sync::Arc;

type Make = fn() -> Arc<dyn Accessor>;

/// What stands behind one name.
#[derive(Clone)]
struct Entry {
    make: Make,
    description: &'static str,
    permission: Option<Permission>,
}

/// The accessors a query may use. A copy can be narrowed by configuration.
#[derive(Clone)]
pub struct AccessorManager {
    entries: BTreeMap<&'static str, Entry>,
}

impl Default for AccessorManager {
    fn default() -> AccessorManager {
        let mut manager = AccessorManager {
            entries: BTreeMap::new(),
        };
        let read = Some(Permission::FilesystemRead);
        manager.add(
            "file",
            || Arc::new(FileAccessor::default()),
            "Files of this machine.",
            read,
        );
        manager.add(
            "auto",
            || Arc::new(FileAccessor::default()),
            "The best accessor for a path; on this system: file.",
            read,
        );
        let nocase = "Files of this machine, looked up without regard to case.";
        manager.add(
            "file_nocase",
            || Arc::new(FileAccessor::ignoring_case()),
            nocase,
            read,
        );
        let raw = "The path goes to the operating system untouched: devices, pipes.";
        manager.add("raw_file", || Arc::new(RawFileAccessor), raw, read);
        manager.add(
            "data",
            || Arc::new(DataAccessor),
            "The path itself is the content.",
            None,
        );
        manager.add(
            "scope",
            || Arc::new(ScopeAccessor),
            "The path names a variable, whose text is the content.",
            None,
        );
        manager.add(
            "pipe",
            || Arc::new(PipeAccessor),
            "The path names a variable that pipe() made; its rows are the content.",
            None,
        );
        manager
    }
}

impl AccessorManager {
    /// Adds or replaces an accessor.
    pub fn add(
        &mut self,
        name: &'static str,
        make: Make,
        description: &'static str,
        permission: Option<Permission>,
    ) {
        self.entries.insert(
            name,
            Entry {
                make,
                description,
                permission,
            },
        );
    }

    /// Names with descriptions, sorted.
    pub fn describe(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        self.entries
            .iter()
            .map(|(name, entry)| (*name, entry.description))
    }

    fn get(&self, scope: &Scope, name: &str) -> Result<Arc<dyn Accessor>> {
        let name = match name {
            "" => "auto",
            "reg" => "registry",
            other => other,
        };
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| Error::UnknownAccessor(name.to_owned()))?;
        if let Some(permission) = entry.permission {
            scope
                .check_access(permission)
                .map_err(|error| Error::BadPath(format!("Accessor {name}: {error}")))?;
        }
        Ok((entry.make)())
    }
}

/// The accessor of this name for a query; the empty name is `auto`.
pub fn accessor(scope: &Scope, name: &str) -> Result<Arc<dyn Accessor>> {
    match scope.extension::<AccessorManager>() {
        Some(manager) => manager.get(scope, name),
        None => AccessorManager::default().get(scope, name),
    }
}
