//! [`Remapping`]: the accessors after applying rules, and the other effects of the rules.

use super::impersonation::Identity;
use super::mounted::{MountedAccessor, Mounts, SourceRule};
use super::permissions::Narrowed;
use super::rules::{Place, RemapError, Rule, Rules};
use super::tree::{MAX_DEPTH, Tree};
use crate::manager::{Entry, proper_name};
use crate::{Accessor, AccessorManager, Dialect, OsPath};
use indexmap::IndexMap;
use peregrine_engine::context::ContextBuilder;
use peregrine_engine::disabled::Disabled;
use peregrine_engine::prelude::{Permission, Scope};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The result of applying rules to the accessors of a program.
#[derive(Clone, Default)]
pub struct Remapping {
    devices: BTreeMap<String, Device>,
    /// The values for `info()` and `expand()`; exists whenever there is a remapping.
    identity: Identity,
    /// Whether there was an impersonation rule.
    has_identity: bool,
    warnings: Vec<String>,
}

/// The mounts of a name.
#[derive(Clone)]
pub(crate) struct MountTable(Arc<Mounts>);

/// The accessor behind a name.
#[derive(Clone)]
pub(crate) enum Device {
    /// An accessor of the program. It works in the scope that uses it, so paths it opens are remapped, too.
    Own(Entry),
    /// A tree of mounts.
    Mounts(MountTable, Vec<Permission>),
}

impl Device {
    /// The permissions it requires.
    pub(crate) fn permissions(&self) -> &[Permission] {
        match self {
            Device::Own(entry) => entry.permission.as_slice(),
            Device::Mounts(_, permissions) => permissions,
        }
    }

    pub(crate) fn make(&self) -> Arc<dyn Accessor> {
        match self {
            Device::Own(entry) => (entry.make)(),
            Device::Mounts(mounts, _) => Arc::new(MountedAccessor::new(Arc::clone(&mounts.0))),
        }
    }
}

/// A mount rule, counted from 1.
type NumberedMount<'a> = (usize, &'a Rule);

impl Remapping {
    /// Applies rules to the current accessors, or to none with `clear`. Those named in `copy` are kept as
    /// they are on this machine.
    pub fn new(
        rules: &Rules,
        manager: &AccessorManager,
        copy: &[String],
        clear: bool,
    ) -> Result<Remapping, RemapError> {
        let mut made = Remapping::nothing(manager);
        if !clear {
            made.devices = match manager.remapping() {
                Some(now) => now.devices.clone(),
                None => manager
                    .own()
                    .map(|(name, entry)| (name.to_owned(), Device::Own(entry)))
                    .collect(),
            };
        }
        for name in copy {
            let entry = manager.entry(name).ok_or_else(|| RemapError::Copy {
                name: name.clone(),
                known: manager.names(),
            })?;
            made.devices
                .insert(proper_name(name).to_owned(), Device::Own(entry));
        }
        let mut mounts: IndexMap<String, Vec<NumberedMount<'_>>> = IndexMap::new();
        for (at, rule) in rules.rules.iter().enumerate() {
            let number = at + 1;
            match rule {
                Rule::Mount { on, .. } => {
                    let name = proper_name(&on.accessor).to_owned();
                    mounts.entry(name).or_default().push((number, rule));
                }
                Rule::Shadow { from, on } => {
                    let problem = |problem| RemapError::Rule { number, problem };
                    let entry = known(manager, from).map_err(problem)?;
                    made.devices
                        .insert(proper_name(on).to_owned(), Device::Own(entry));
                }
                Rule::Impersonation(identity) => {
                    made.identity.extend(identity);
                    made.has_identity = true;
                }
                Rule::Permissions(_) => {}
            }
        }
        for (name, rules) in mounts {
            let mounts = made.mount(manager, &name, &rules)?;
            let permissions = mounts.permissions(manager);
            made.devices
                .insert(name, Device::Mounts(MountTable(Arc::new(mounts)), permissions));
        }
        Ok(made)
    }

    /// No accessors at all; the identity is kept.
    pub(super) fn nothing(manager: &AccessorManager) -> Remapping {
        let now = manager.remapping();
        Remapping {
            identity: now.as_ref().map(|now| now.identity.clone()).unwrap_or_default(),
            has_identity: now.is_some_and(|now| now.has_identity),
            ..Remapping::default()
        }
    }

    /// The identity of the machine the query sees, if a rule sets it.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity> {
        self.has_identity.then_some(&self.identity)
    }

    /// A variable for `expand()`: only those of the rules exist.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.identity.variable(name)
    }

    /// Logs warnings for the author of the rules: oddities in them, and sources that do not exist.
    pub fn log_warnings(&self, scope: &Scope) {
        let mounts = self.devices.values().filter_map(|device| match device {
            Device::Mounts(mounts, _) => Some(&mounts.0),
            Device::Own(_) => None,
        });
        let missing = mounts.flat_map(|mounts| mounts.missing(scope));
        for warning in self.warnings.iter().cloned().chain(missing) {
            scope.log_line(&format!("WARN:remapping: {warning}"));
        }
    }

    /// Functions that give NULL.
    #[must_use]
    pub fn disabled_functions(&self) -> &[String] {
        &self.identity.disabled_functions
    }

    /// Plugins that give no rows.
    #[must_use]
    pub fn disabled_plugins(&self) -> &[String] {
        &self.identity.disabled_plugins
    }

    /// Remaps a query before it starts, including permission rules.
    #[must_use]
    pub fn install(
        &self,
        context: ContextBuilder,
        manager: &AccessorManager,
        permissions: &[Permission],
    ) -> ContextBuilder {
        let disabled = Disabled::default();
        disabled.add(self.disabled_functions(), self.disabled_plugins());
        let manager = manager.pristine();
        manager.set_remapping(self.clone());
        context
            .extension(Arc::new(manager))
            .disabled(Arc::new(disabled))
            .map_access(|host| Arc::new(Narrowed::new(host, permissions.to_vec())))
    }

    pub(crate) fn device(&self, name: &str) -> Option<&Device> {
        self.devices.get(name)
    }

    /// Merges all mounts under a name into one tree.
    fn mount(
        &mut self,
        manager: &AccessorManager,
        name: &str,
        rules: &[NumberedMount<'_>],
    ) -> Result<Mounts, RemapError> {
        let mut path_types = rules.iter().filter_map(|(_, rule)| match rule {
            Rule::Mount { on, .. } => Some(on.path_type.as_str()),
            _ => None,
        });
        let path_type = path_types.rfind(|path_type| !path_type.is_empty());
        let entry = manager.entry(name);
        let dialect = match path_type {
            Some(path_type) => self.dialect(path_type),
            None => entry
                .as_ref()
                .map_or(Dialect::Generic, |entry| (entry.make)().dialect()),
        };
        let mut tree = Tree::new(dialect);
        let mut sources = Vec::with_capacity(rules.len());
        for (number, rule) in rules {
            let Rule::Mount { from, on, setup } = rule else {
                continue;
            };
            let problem = |problem| RemapError::Rule {
                number: *number,
                problem,
            };
            let point = OsPath::parse(dialect, on.prefix.as_bytes());
            let point = point.map_err(|error| problem(format!("`on.prefix`: {error}")))?;
            if point.delegate().is_some() {
                return Err(problem(
                    "`on.prefix` is a path of queries, not a pathspec".to_owned(),
                ));
            }
            if point.components().len() > MAX_DEPTH {
                return Err(problem(format!("`on.prefix` has more than {MAX_DEPTH} names")));
            }
            let source = SourceRule {
                accessor: source_name(from).to_owned(),
                prefix: self.prefix(manager, from).map_err(problem)?,
                setup: setup.clone(),
                key: fresh_key(),
            };
            if tree.insert(point.components(), sources.len()).is_some() {
                self.warnings.push(format!(
                    "rule {number} mounts at `{}` of `{name}` what an earlier rule mounts there; the later one counts",
                    on.prefix
                ));
            }
            sources.push(source);
        }
        Ok(Mounts {
            name: entry.map_or("virtual", |entry| (entry.make)().name()),
            key: fresh_key(),
            tree,
            sources,
        })
    }

    /// The prefix of a source in the dialect of its accessor.
    fn prefix(&mut self, manager: &AccessorManager, from: &Place) -> Result<OsPath, String> {
        let files = (known(manager, source_name(from))?.make)();
        let text = from.prefix.as_bytes();
        let own = files.dialect();
        let is_whole = matches!(own, Dialect::Raw | Dialect::Pathspec);
        let parsed = match from.path_type.as_str() {
            "" => files.parse_path(text),
            _ if is_whole => files.parse_path(text),
            path_type => OsPath::parse(self.dialect(path_type), text),
        };
        let path = parsed.map_err(|error| format!("`from.prefix`: {error}"))?;
        if path.components().len() > MAX_DEPTH {
            return Err(format!("`from.prefix` has more than {MAX_DEPTH} names"));
        }
        Ok(path.in_dialect(own))
    }

    fn dialect(&mut self, path_type: &str) -> Dialect {
        Dialect::from_path_type(path_type).unwrap_or_else(|| {
            self.warnings.push(format!(
                "`path_type` is `{path_type}`, which is read as `generic`; there are: generic, linux, windows, ntfs, registry, \
                 zip, pathspec"
            ));
            Dialect::Generic
        })
    }
}

/// The accessor of a mount's source unless the rule names one.
fn source_name(from: &Place) -> &str {
    match from.accessor.as_str() {
        "" => "file",
        name => name,
    }
}

fn known(manager: &AccessorManager, name: &str) -> Result<Entry, String> {
    manager.entry(name).ok_or_else(|| {
        let known = manager.names();
        format!("the accessor `{name}` does not exist in this program; there are: {known}")
    })
}

/// A key that is unique in this process.
fn fresh_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}
