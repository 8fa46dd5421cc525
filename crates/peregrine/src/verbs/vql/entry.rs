//! The description of functions and plugins in the manual and in a terminal, from the registry.

use peregrine_engine::call::Expect;
use peregrine_engine::prelude::*;

/// The content of the page of a function or plugin.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) category: Category,
    pub(super) is_plugin: bool,
    pub(super) note: &'static str,
    pub(super) doc: &'static str,
    pub(super) args: &'static [ArgSpec],
    pub(super) columns: &'static [ColumnSpec],
    /// Names that rows respond to without showing them.
    pub(super) unshown: Vec<&'static str>,
    pub(super) examples: &'static [Example],
    pub(super) version: i64,
    pub(super) platforms: Platforms,
    pub(super) permissions: &'static [Permission],
}

impl Entry {
    pub(super) fn kind(&self) -> &'static str {
        if self.is_plugin { "plugin" } else { "function" }
    }
}

/// Everything that can be called, functions first.
pub(super) fn entries(registry: &Registry) -> Vec<Entry> {
    let functions = registry.functions().map(|def| Entry {
        name: def.name,
        category: def.category,
        is_plugin: false,
        note: if def.is_aggregate() {
            "aggregate function"
        } else {
            ""
        },
        doc: def.doc,
        args: def.args,
        columns: &[],
        unshown: Vec::new(),
        examples: def.examples,
        version: def.version,
        platforms: def.platforms,
        permissions: def.permissions,
    });
    let plugins = registry.plugins().map(|def| Entry {
        name: def.name,
        category: def.category,
        is_plugin: true,
        note: if def.is_event {
            "event plugin: it watches, and ends when it is stopped"
        } else {
            ""
        },
        doc: def.doc,
        args: def.args,
        columns: def.columns,
        unshown: unshown(def),
        examples: def.examples,
        version: def.version,
        platforms: def.platforms,
        permissions: def.permissions,
    });
    functions.chain(plugins).collect()
}

fn unshown(def: &PluginDef) -> Vec<&'static str> {
    let aliases = def.aliases.iter().map(|(alias, _)| *alias);
    let members = def.members.iter().copied();
    let is_column = |name: &str| def.columns.iter().any(|column| column.name == name);
    let mut names = Vec::new();
    for name in aliases.chain(members) {
        if !is_column(name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Platforms, permissions and similar facts, if there are any.
pub(super) fn facts(entry: &Entry) -> String {
    let mut facts = Vec::new();
    if !entry.note.is_empty() {
        facts.push(entry.note.to_owned());
    }
    if entry.platforms != Platforms::ALL {
        facts.push(format!("platforms: {}", entry.platforms.names().join(", ")));
    }
    if !entry.permissions.is_empty() {
        let names: Vec<String> = entry
            .permissions
            .iter()
            .map(|permission| format!("`{}`", permission.name()))
            .collect();
        facts.push(format!("permissions: {}", names.join(", ")));
    }
    if entry.version > 0 {
        facts.push(format!("version: {}", entry.version));
    }
    facts.join("; ")
}

/// The columns of rows without a fixed form, as shown by examples that contain whole rows.
pub(super) fn example_columns(entry: &Entry) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for example in entry.examples {
        let is_whole = !example
            .vql
            .trim_start()
            .to_ascii_uppercase()
            .starts_with("SELECT");
        let Expect::Json(json) = example.expect else {
            continue;
        };
        let Ok(rows) = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(json) else {
            continue;
        };
        for name in rows.iter().flat_map(serde_json::Map::keys).filter(|_| is_whole) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    names
}
