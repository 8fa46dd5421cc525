//! The accessor for mounts: it translates paths for the sources, and their results back for the query.

use super::links::{self, Link, Resolved};
use super::pristine;
use super::tree::{Mounted, Tree};
use crate::{
    Accessor, AccessorManager, Dialect, Error, FileInfo, FileMode, FileReader, FileTimes, OsPath, Result,
    accessor,
};
use parking_lot::Mutex;
use peregrine_engine::Program;
use peregrine_engine::prelude::{Dict, Scope, Str, Time};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};

/// The mounts of one accessor name.
#[derive(Debug)]
pub(super) struct Mounts {
    /// The name of the accessor it replaces.
    pub(super) name: &'static str,
    /// Unique among all trees of mounts.
    pub(super) key: String,
    pub(super) tree: Tree,
    pub(super) sources: Vec<SourceRule>,
}

/// The source of a mount.
#[derive(Debug)]
pub(super) struct SourceRule {
    pub(super) accessor: String,
    /// In the dialect of that accessor.
    pub(super) prefix: OsPath,
    pub(super) setup: Option<Arc<Program>>,
    /// Unique among all mounts.
    pub(super) key: String,
}

/// An open source, for one call of a plugin.
struct Source {
    files: Arc<dyn Accessor>,
    scope: Scope,
    prefix: OsPath,
}

/// The mounts as one call sees them.
pub(super) struct MountedAccessor {
    mounts: Arc<Mounts>,
    sources: Vec<OnceLock<Source>>,
    /// Folders that links led to, so that cycles of links end.
    visited: Mutex<HashSet<Vec<u8>>>,
}

/// A path in a source.
struct Delegate<'a> {
    source: &'a Source,
    path: OsPath,
    /// Ends with the query.
    scope: Scope,
}

impl MountedAccessor {
    pub(super) fn new(mounts: Arc<Mounts>) -> MountedAccessor {
        let sources = mounts.sources.iter().map(|_| OnceLock::new()).collect();
        MountedAccessor {
            mounts,
            sources,
            visited: Mutex::default(),
        }
    }

    /// A path as the query sees it. A container in it is ignored: there is nothing outside the tree.
    fn shown(&self, components: &[Str]) -> OsPath {
        OsPath::new(self.mounts.tree.dialect(), components.to_vec())
    }

    fn not_found(&self, components: &[Str]) -> Error {
        Error::NotFound(self.shown(components).to_text())
    }

    /// Replaces the source's path in an error by the one the query asked for.
    fn explained(&self, error: Error, components: &[Str]) -> Error {
        let path = self.shown(components).to_text();
        match error {
            Error::NotFound(_) => Error::NotFound(path),
            Error::NotRegular(_) => Error::NotRegular(path),
            Error::Cycle(_) => Error::Cycle(path),
            Error::Io { source, .. } => Error::Io { path, source },
            other => other,
        }
    }

    fn source(&self, scope: &Scope, mount: usize) -> Result<&Source> {
        let missing = || Error::NotFound(format!("mount {mount}"));
        let cell = self.sources.get(mount).ok_or_else(missing)?;
        if let Some(source) = cell.get() {
            return Ok(source);
        }
        let rule = self.mounts.sources.get(mount).ok_or_else(missing)?;
        let pristine = pristine::scope(scope, &rule.key, rule.setup.as_deref());
        let files = accessor(&pristine, &rule.accessor)?;
        // The rule's author chose the prefix, so links in it are followed.
        let prefix = files.read_link(&pristine, &rule.prefix);
        let prefix = prefix.unwrap_or_else(|| rule.prefix.clone());
        Ok(cell.get_or_init(|| Source {
            files,
            scope: pristine,
            prefix,
        }))
    }

    /// The path, in the source of its mount, of a path without links.
    fn delegate(&self, scope: &Scope, path: &[Str], at: Mounted) -> Result<Delegate<'_>> {
        let source = self.source(scope, at.mount)?;
        let rest = path.get(at.depth..).unwrap_or_default();
        let delegate = source.prefix.join(rest.iter().cloned());
        // A name such as `..` or `a/b` would be another path in the source.
        if !rest.is_empty() && !is_what_it_reads_as(&delegate) {
            return Err(self.not_found(path));
        }
        Ok(Delegate {
            source,
            path: delegate,
            scope: source.scope.child_cancelled_by(scope.cancellation().clone()),
        })
    }

    fn resolve(&self, scope: &Scope, path: &OsPath, follow_last: bool) -> Result<Resolved> {
        let names = path.components();
        let is_name = |name: &Str| !matches!(&name[..], b"" | b"." | b"..");
        if !names.iter().all(is_name) {
            return Err(self.not_found(names));
        }
        let followed = links::resolve(names, follow_last, &mut |at| self.link(scope, at));
        followed.map_err(|error| self.explained(error, names))
    }

    /// The link at this path, if it is one. Mount points hide links.
    fn link(&self, scope: &Scope, path: &[Str]) -> Result<Option<Link>> {
        let tree = &self.mounts.tree;
        let spot = tree.find(path);
        let (None, Some(at)) = (spot.node, spot.mount) else {
            return Ok(None);
        };
        let delegate = self.delegate(scope, path, at)?;
        let text = delegate.source.files.link_target(&delegate.scope, &delegate.path);
        // If something is mounted at the root, that is the machine's root; otherwise every mount is its own
        // root.
        let root = if tree.find(&[]).mount.is_some() {
            0
        } else {
            at.depth
        };
        Ok(text.map(|text| Link { text, root }))
    }

    /// Describes a path in which only the last name may be a link.
    fn describe(&self, scope: &Scope, path: &[Str]) -> Result<FileInfo> {
        let tree = &self.mounts.tree;
        let spot = tree.find(path);
        let Some(at) = spot.mount else {
            return match spot.node {
                Some(_) => Ok(folder(self.shown(path))),
                None => Err(self.not_found(path)),
            };
        };
        let delegate = self.delegate(scope, path, at)?;
        let found = delegate.source.files.lstat(&delegate.scope, &delegate.path);
        match (found, spot.node) {
            (Ok(info), None) => Ok(info),
            // Something is mounted below it, so it is a folder, regardless of the source.
            (Ok(info), Some(node)) if info.mode.is_dir() || tree.children(node).next().is_none() => Ok(info),
            (_, Some(node)) if tree.children(node).next().is_some() => Ok(folder(self.shown(path))),
            (Ok(info), _) => Ok(info),
            (Err(error), _) => Err(self.explained(error, path)),
        }
    }

    /// The entries from the source of the deepest mount.
    fn entries(&self, scope: &Scope, path: &[Str]) -> Result<Vec<FileInfo>> {
        let spot = self.mounts.tree.find(path);
        let Some(at) = spot.mount else {
            return match spot.node {
                Some(_) => Ok(Vec::new()),
                None => Err(self.not_found(path)),
            };
        };
        let delegate = self.delegate(scope, path, at)?;
        match delegate.source.files.read_dir(&delegate.scope, &delegate.path) {
            Ok(entries) => Ok(entries),
            // The folder exists because of mounts below it.
            Err(_)
                if spot
                    .node
                    .is_some_and(|node| self.mounts.tree.children(node).next().is_some()) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(self.explained(error, path)),
        }
    }
}

/// Whether the path is the same after writing and parsing it.
fn is_what_it_reads_as(path: &OsPath) -> bool {
    let dialect = path.dialect();
    let has_end = path.components().iter().any(|name| name.contains(&0));
    let names = dialect.split(&path.path_bytes());
    let same = names
        .iter()
        .map(Vec::as_slice)
        .eq(path.components().iter().map(|name| &name[..]));
    same && !has_end
}

/// A folder that no source has.
fn folder(path: OsPath) -> FileInfo {
    FileInfo {
        path,
        size: 0,
        mode: FileMode(FileMode::DIR | 0o755),
        times: FileTimes {
            modified: Time::ZERO,
            accessed: Time::ZERO,
            changed: Time::ZERO,
            born: Time::ZERO,
        },
        data: Dict::new(),
        link: None,
        system: None,
    }
}

impl Accessor for MountedAccessor {
    fn name(&self) -> &'static str {
        self.mounts.name
    }

    fn identity(&self) -> String {
        format!("mounts {}", self.mounts.key)
    }

    fn dialect(&self) -> Dialect {
        self.mounts.tree.dialect()
    }

    fn read_dir(&self, scope: &Scope, path: &OsPath) -> Result<Vec<FileInfo>> {
        let real = self.resolve(scope, path, true)?;
        if real.ends_in_link {
            // A dangling link, or a link to a file, has no entries.
            if !self
                .describe(scope, &real.components)
                .is_ok_and(|info| info.mode.is_dir())
            {
                return Ok(Vec::new());
            }
            if !self
                .visited
                .lock()
                .insert(self.shown(&real.components).to_bytes())
            {
                return Err(Error::Cycle(path.to_text()));
            }
        }
        let mut entries = self.entries(scope, &real.components)?;
        let tree = &self.mounts.tree;
        let asked = self.shown(path.components());
        for entry in &mut entries {
            entry.path = asked.child(entry.name());
        }
        let Some(node) = tree.find(&real.components).node else {
            return Ok(entries);
        };
        let mut mounted = Vec::new();
        for name in tree.children(node) {
            let mut below = real.components.clone();
            below.push(name.clone());
            // A mount whose source does not exist is ignored.
            if let Ok(mut info) = self.describe(scope, &below) {
                info.path = asked.child(name.clone());
                mounted.push(info);
            }
        }
        let hiding: HashSet<Vec<u8>> = mounted.iter().map(|info| tree.key(&info.name())).collect();
        entries.retain(|entry| !hiding.contains(&tree.key(&entry.name())));
        entries.append(&mut mounted);
        Ok(entries)
    }

    fn lstat(&self, scope: &Scope, path: &OsPath) -> Result<FileInfo> {
        let real = self.resolve(scope, path, false)?;
        let info = self.describe(scope, &real.components)?;
        Ok(FileInfo {
            path: self.shown(path.components()),
            ..info
        })
    }

    fn open(&self, scope: &Scope, path: &OsPath) -> Result<Box<dyn FileReader>> {
        let real = self.resolve(scope, path, true)?.components;
        let spot = self.mounts.tree.find(&real);
        let Some(at) = spot.mount else {
            return Err(match spot.node {
                Some(_) => Error::NotRegular(path.to_text()),
                None => self.not_found(path.components()),
            });
        };
        let delegate = self.delegate(scope, &real, at)?;
        let files = &delegate.source.files;
        let opened = files.open_without_links(&delegate.scope, &delegate.path);
        opened.map_err(|error| self.explained(error, path.components()))
    }

    fn read_link(&self, scope: &Scope, path: &OsPath) -> Option<OsPath> {
        let real = self.resolve(scope, path, true).ok()?;
        Some(self.shown(&real.components))
    }

    fn link_target(&self, scope: &Scope, path: &OsPath) -> Option<Vec<u8>> {
        let real = self.resolve(scope, path, false).ok()?;
        Some(self.link(scope, &real.components).ok()??.text)
    }
}

impl Mounts {
    /// One sentence for each source that does not exist, as far as checking is cheap.
    pub(super) fn missing(self: &Arc<Self>, scope: &Scope) -> Vec<String> {
        let files = MountedAccessor::new(Arc::clone(self));
        let missing = |(mount, rule): (usize, &SourceRule)| {
            let source = files.source(scope, mount).ok()?;
            let file = source.files.os_file_name(&source.prefix)?;
            let (accessor, path) = (&rule.accessor, rule.prefix.to_text());
            (!file.exists())
                .then(|| format!("nothing is at `{path}` of `{accessor}`, so a mount of it stays empty"))
        };
        self.sources.iter().enumerate().filter_map(missing).collect()
    }

    /// The permissions that the sources need.
    pub(super) fn permissions(
        &self,
        manager: &AccessorManager,
    ) -> Vec<peregrine_engine::prelude::Permission> {
        let needed = self
            .sources
            .iter()
            .filter_map(|rule| manager.entry(&rule.accessor)?.permission);
        let mut needed: Vec<_> = needed.collect();
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}
