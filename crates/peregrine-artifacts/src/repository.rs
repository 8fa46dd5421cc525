//! Definitions by name: those of the product, of an administrator's folders, and of users.

use crate::definitions::Definitions;
use crate::error::{Error, Problem};
use crate::model::{Artifact, Metadata, Origin};
use crate::validate::{check_form, validate};
use crate::{queues, search};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use walkdir::WalkDir;

/// A set of definitions, possibly on top of another organisation's. Clones refer to the same set.
#[derive(Debug, Clone, Default)]
pub struct Repository(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Filled when it is first asked for: most queries name no artifact.
    definitions: LazyLock<RwLock<Definitions>>,
    metadata: RwLock<BTreeMap<String, Metadata>>,
    parent: Option<Repository>,
    changes: AtomicU64,
}

/// The result of loading a folder.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Names, in the order they were read.
    pub names: Vec<String>,
    /// Files that were skipped, and why.
    pub errors: Vec<(PathBuf, Error)>,
}

impl Repository {
    #[must_use]
    pub fn empty() -> Repository {
        Repository::default()
    }

    /// A repository with the definitions of this binary and the queues the server needs.
    #[must_use]
    pub fn with_compiled_in() -> Repository {
        Repository(Arc::new(Inner {
            definitions: LazyLock::new(|| RwLock::new(Definitions::compiled_in())),
            ..Inner::default()
        }))
    }

    /// A repository for an organisation: names it lacks are looked up here.
    #[must_use]
    pub fn child(&self) -> Repository {
        Repository(Arc::new(Inner {
            parent: Some(self.clone()),
            ..Inner::default()
        }))
    }

    /// Defines the queues that are not defined yet.
    pub fn add_queues(&self) {
        self.0.definitions.write().add_queues();
    }

    /// Adds or replaces a definition. Users' definitions are checked in full; they never replace a built-in
    /// one.
    pub fn load(&self, raw: &str, origin: Origin) -> Result<Arc<Artifact>, Error> {
        self.insert(Artifact {
            origin,
            ..Artifact::from_yaml(raw)?
        })
    }

    /// Like [`Repository::load`], for a definition that is already decoded.
    pub fn insert(&self, artifact: Artifact) -> Result<Arc<Artifact>, Error> {
        match artifact.origin {
            Origin::CompiledIn => check_form(&artifact)?,
            Origin::BuiltIn | Origin::Custom => validate(&artifact)?,
        }
        let artifact = self.0.definitions.write().insert(artifact)?;
        self.note_change();
        Ok(artifact)
    }

    /// Loads every `.yaml` and `.yml` file below a folder; bad ones are reported and skipped.
    #[must_use]
    pub fn load_folder(&self, folder: &Path, origin: Origin) -> Loaded {
        let mut loaded = Loaded::default();
        for file in find_yaml(folder, &mut loaded.errors) {
            let result = std::fs::read_to_string(&file)
                .map_err(|error| io_error(&file, &error))
                .and_then(|raw| self.load(&raw, origin));
            match result {
                Ok(artifact) => loaded.names.push(artifact.name.clone()),
                Err(error) => loaded.errors.push((file, error)),
            }
        }
        loaded
    }

    /// Removes a user's definition, with its aliases.
    pub fn delete(&self, name: &str) -> Result<(), Error> {
        self.0.definitions.write().delete(name)?;
        self.note_change();
        Ok(())
    }

    /// The definition called `name`, its own or inherited.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<Artifact>> {
        let own = self.0.definitions.read().get(name);
        own.or_else(|| self.0.parent.as_ref()?.get(name))
    }

    /// The definition for `Name` or `Name/Source`; the latter is reduced to that source.
    pub fn resolve(&self, reference: &str) -> Result<Arc<Artifact>, Error> {
        let (name, source) = match reference.split_once('/') {
            None => (reference, None),
            Some((name, source)) => (name, Some(source)),
        };
        let artifact = self.get(name).ok_or_else(|| self.not_found(name))?;
        match source {
            None => Ok(artifact),
            Some(source) => match artifact.with_only_source(source) {
                Some(artifact) => Ok(Arc::new(artifact)),
                None => Err(Error::NoSource {
                    artifact: name.to_owned(),
                    source_name: source.to_owned(),
                    known: artifact.source_names(),
                }),
            },
        }
    }

    /// Every definition, inherited ones included, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Artifact>> {
        let mut found = self
            .0
            .parent
            .as_ref()
            .map(Repository::all_by_name)
            .unwrap_or_default();
        found.extend(
            self.0
                .definitions
                .read()
                .iter()
                .map(|(name, artifact)| (name.clone(), artifact.clone())),
        );
        found.into_values().collect()
    }

    fn all_by_name(&self) -> BTreeMap<String, Arc<Artifact>> {
        self.all()
            .into_iter()
            .map(|artifact| (artifact.name.clone(), artifact))
            .collect()
    }

    /// Artifacts that match a search expression; see [`search::Query`].
    #[must_use]
    pub fn search(&self, expression: &str) -> Vec<Arc<Artifact>> {
        let query = search::Query::parse(expression);
        let mut found = self.all();
        found.retain(|artifact| query.matches(artifact, &self.metadata(&artifact.name)));
        found
    }

    /// The metadata attached to a name. Queues of the server are always hidden.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Metadata {
        let mut metadata = self.0.metadata.read().get(name).cloned().unwrap_or_default();
        metadata.hidden |= queues::expected_kind(name).is_some();
        metadata
    }

    /// Attaches metadata to a name.
    pub fn set_metadata(&self, name: &str, metadata: Metadata) {
        self.0.metadata.write().insert(name.to_owned(), metadata);
        self.note_change();
    }

    /// Counts changes here and in the parents: when it grows, anything derived from definitions is stale.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire) + self.0.parent.as_ref().map_or(0, Repository::changes)
    }

    /// The error for an unknown name, with a similar name.
    #[must_use]
    pub fn not_found(&self, name: &str) -> Error {
        let all = self.all();
        let names = all.iter().map(|artifact| artifact.name.as_str());
        Error::NotFound {
            name: name.to_owned(),
            suggestion: peregrine_base::suggest::closest(name, names).map(str::to_owned),
        }
    }

    fn note_change(&self) {
        self.0.changes.fetch_add(1, Ordering::AcqRel);
    }
}

/// Maximum nesting of folders.
const MAX_DEPTH: usize = 32;

/// Whether a file is a definition, judging by its name.
#[must_use]
pub fn is_yaml_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml")
}

fn find_yaml(folder: &Path, errors: &mut Vec<(PathBuf, Error)>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if folder.is_file() {
        let message = "not a folder; unpack the archive and name its folder";
        errors.push((folder.to_owned(), Error::invalid("", Problem::anywhere(message))));
        return files;
    }
    let walk = WalkDir::new(folder).follow_links(true).max_depth(MAX_DEPTH);
    for entry in walk.sort_by_file_name() {
        match entry {
            Ok(entry) if !entry.file_type().is_dir() && is_yaml_file(entry.path()) => {
                files.push(entry.into_path());
            }
            Ok(_) => {}
            // A link back to a parent adds nothing.
            Err(error) if error.loop_ancestor().is_some() => {}
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                // Neither does a dangling link, unless it should be a definition.
                if error.depth() == 0 || path.is_dir() || is_yaml_file(&path) {
                    let error = io_error(&path, &error.into());
                    errors.push((path, error));
                }
            }
        }
    }
    files
}

fn io_error(path: &Path, error: &std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        message: error.to_string(),
    }
}
