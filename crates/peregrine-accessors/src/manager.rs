//! The names of accessors, and how a query gets an accessor.

use crate::remapping::Remapping;
use crate::{
    Accessor, Error, Result, data::DataAccessor, file::FileAccessor, pipe::PipeAccessor,
    raw_file::RawFileAccessor, scope_accessor::ScopeAccessor,
};
use parking_lot::RwLock;
use peregrine_engine::prelude::{Permission, Scope};
use std::collections::BTreeMap;
use std::sync::Arc;

type Make = fn() -> Arc<dyn Accessor>;

/// The accessor of a name.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) make: Make,
    description: &'static str,
    pub(crate) permission: Option<Permission>,
}

/// The accessors a query may use: those of the program, or their replacements by a remapping.
pub struct AccessorManager {
    entries: BTreeMap<&'static str, Entry>,
    remapping: RwLock<Option<Arc<Remapping>>>,
}

impl Default for AccessorManager {
    fn default() -> AccessorManager {
        let mut manager = AccessorManager {
            entries: BTreeMap::new(),
            remapping: RwLock::default(),
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

    /// The same accessors without a remapping.
    #[must_use]
    pub fn pristine(&self) -> AccessorManager {
        AccessorManager {
            entries: self.entries.clone(),
            remapping: RwLock::default(),
        }
    }

    /// The remapping of the accessors, if any.
    #[must_use]
    pub fn remapping(&self) -> Option<Arc<Remapping>> {
        self.remapping.read().clone()
    }

    pub(crate) fn set_remapping(&self, remapping: Remapping) {
        *self.remapping.write() = Some(Arc::new(remapping));
    }

    /// The program's own accessors, regardless of any remapping.
    pub(crate) fn own(&self) -> impl Iterator<Item = (&'static str, Entry)> + '_ {
        self.entries.iter().map(|(name, entry)| (*name, entry.clone()))
    }

    /// The program's own accessor of this name.
    pub(crate) fn entry(&self, name: &str) -> Option<Entry> {
        self.entries.get(proper_name(name)).cloned()
    }

    /// The names of the program's own accessors, for messages.
    pub(crate) fn names(&self) -> String {
        self.entries.keys().copied().collect::<Vec<_>>().join(", ")
    }

    fn get(&self, scope: &Scope, name: &str) -> Result<Arc<dyn Accessor>> {
        let name = proper_name(name);
        let unknown = || Error::UnknownAccessor(name.to_owned());
        if let Some(remapping) = self.remapping() {
            let device = remapping.device(name).ok_or_else(unknown)?;
            check(scope, name, device.permissions())?;
            return Ok(device.make());
        }
        let entry = self.entries.get(name).ok_or_else(unknown)?;
        check(scope, name, entry.permission.as_slice())?;
        Ok((entry.make)())
    }
}

fn check(scope: &Scope, name: &str, permissions: &[Permission]) -> Result<()> {
    for permission in permissions {
        scope
            .check_access(*permission)
            .map_err(|error| Error::BadPath(format!("Accessor {name}: {error}")))?;
    }
    Ok(())
}

/// The main name of an accessor: some have two.
pub(crate) fn proper_name(name: &str) -> &str {
    match name {
        "" => "auto",
        "reg" => "registry",
        other => other,
    }
}

/// The accessor of this name for a query; the empty name is `auto`.
pub fn accessor(scope: &Scope, name: &str) -> Result<Arc<dyn Accessor>> {
    match scope.extension::<AccessorManager>() {
        Some(manager) => manager.get(scope, name),
        None => AccessorManager::default().get(scope, name),
    }
}
