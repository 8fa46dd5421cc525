//! `--remap FILE`: queries of this program see other files, and another machine.

use anyhow::Context as _;
use peregrine_accessors::AccessorManager;
use peregrine_accessors::remapping::{Identity, Remapping, Rules};
use peregrine_engine::context::ContextBuilder;
use peregrine_engine::prelude::{Permission, Scope};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The argument of verbs that run VQL.
#[derive(clap::Args)]
pub(crate) struct RemapArgs {
    /// Let queries see a folder, such as a mounted disk, instead of this machine: a file of remapping rules.
    #[arg(long, value_name = "FILE")]
    remap: Option<PathBuf>,
}

impl RemapArgs {
    #[cfg(feature = "tools")]
    pub(crate) fn is_given(&self) -> bool {
        self.remap.is_some()
    }

    /// The remapping, applied once to find any errors.
    pub(crate) fn load(&self) -> anyhow::Result<Option<Remap>> {
        self.remap.as_deref().map(Remap::load).transpose()
    }
}

/// A remapping ready to be installed.
pub(crate) struct Remap {
    remapping: Remapping,
    permissions: Vec<Permission>,
}

/// Maximum number of bytes read; a larger text is refused when it is parsed.
const MAX_BYTES: u64 = 8 << 20;

impl Remap {
    fn load(path: &Path) -> anyhow::Result<Remap> {
        let shown = path.display();
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
            .with_context(|| format!("reading `{shown}` (--remap)"))?;
        Remap::parse(&text).with_context(|| format!("remapping `{shown}`"))
    }

    /// Parses the text of rules.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Remap> {
        let parse = || {
            let rules = Rules::parse(text)?;
            let remapping = Remapping::new(&rules, &AccessorManager::default(), &[], true)?;
            Ok(Remap {
                remapping,
                permissions: rules.permissions(),
            })
        };
        let parsed: Result<Remap, peregrine_accessors::remapping::RemapError> = parse();
        parsed
            .map_err(|error| anyhow::anyhow!("{error}. Please check your config file's `remappings` setting"))
    }

    /// From the client configuration, if it contains rules.
    pub(crate) fn of_config(text: &str) -> anyhow::Result<Option<Remap>> {
        let config: serde_json::Value = serde_saphyr::from_str(text)?;
        match config.get("remappings") {
            None | Some(serde_json::Value::Null) => Ok(None),
            Some(rules) => Remap::parse(&rules.to_string()).map(Some),
        }
    }

    /// A context with remapped queries.
    pub(crate) fn install(&self, context: ContextBuilder, manager: &AccessorManager) -> ContextBuilder {
        self.remapping.install(context, manager, &self.permissions)
    }

    /// Logs warnings for the author of the rules.
    pub(crate) fn log_warnings(&self, scope: &Scope) {
        if self.permissions.is_empty() {
            scope.log_line(
                "WARN:remapping: no rule of type `permissions` grants anything, so queries may not even read files; \
                 FILESYSTEM_READ is what most need",
            );
        }
        self.remapping.log_warnings(scope);
    }

    /// The machine that queries see.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.remapping.identity()
    }
}

/// The accessors of a program, remapped if there is a remapping.
pub(crate) fn accessors(
    context: ContextBuilder,
    manager: AccessorManager,
    remap: Option<&Remap>,
) -> ContextBuilder {
    match remap {
        Some(remap) => remap.install(context, &manager),
        None => context.extension(Arc::new(manager)),
    }
}
