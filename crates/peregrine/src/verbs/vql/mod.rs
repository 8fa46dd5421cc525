//! `peregrine vql`: documentation and tools for the language.

mod doc;
mod entry;
#[cfg(feature = "tools")]
mod lint;
#[cfg(feature = "tools")]
mod manual;

use self::entry::Entry;
use crate::terminal::{self, Style};
use crate::{diagnostics, registry};
use anyhow::Context as _;
use peregrine_accessors::AccessorManager;
use peregrine_engine::prelude::*;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[cfg(feature = "tools")]
pub(super) use doc::run as doc;

/// Arguments of `vql`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// List functions, plugins and accessors.
    List {
        /// `text` or `json`.
        #[arg(long, default_value = "text", value_parser = ["text", "json"])]
        format: String,
    },
    /// The manual page of a function or plugin.
    Doc {
        /// Its name.
        name: String,
    },
    #[cfg(feature = "tools")]
    /// Check queries and definitions of artifacts without running them; exit code 1 when something is wrong.
    Lint(lint::Args),
    #[cfg(feature = "tools")]
    /// Write the reference manual: one Markdown page per chapter.
    Manual {
        /// The folder to write to.
        dir: PathBuf,
    },
    /// Lay out queries in files, in place; `-` reads standard input.
    Fmt {
        /// Files with VQL.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Only say which files would change, and fail if any would.
        #[arg(long)]
        check: bool,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.verb {
        Verb::List { format } => list(&format),
        Verb::Doc { name } => doc::run(&name),
        #[cfg(feature = "tools")]
        Verb::Lint(args) => lint::run(&args),
        #[cfg(feature = "tools")]
        Verb::Manual { dir } => manual::run(&dir),
        Verb::Fmt { files, check } => fmt(&files, check),
    }
}

/// Functions, plugins and accessors, on standard output.
pub(super) fn list(format: &str) -> anyhow::Result<ExitCode> {
    let registry = registry::registry();
    let mut entries: Vec<serde_json::Value> = Vec::new();
    entries.extend(entry::entries(&registry).iter().map(listed));
    for (name, description) in AccessorManager::default().describe() {
        entries.push(json!({
            "name": name, "kind": "accessor", "category": "accessors", "args": [], "columns": [],
            "platforms": Platforms::current().names(), "doc": description,
        }));
    }
    entries.sort_by_key(|entry| (entry["name"].to_string(), entry["kind"].to_string()));
    let mut out = std::io::stdout().lock();
    if format == "json" {
        writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for entry in &entries {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let first = text("doc").lines().next().unwrap_or_default().to_owned();
        writeln!(out, "{:<32} {:<9} {first}", text("name"), text("kind"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(entry: &Entry) -> serde_json::Value {
    let args: Vec<_> = entry
        .args
        .iter()
        .filter(|arg| !arg.rest)
        .map(|arg| json!({ "name": arg.name, "type": arg.type_name, "required": arg.required, "repeated": arg.repeated, "doc": arg.doc }))
        .collect();
    let columns: Vec<_> = entry
        .columns
        .iter()
        .map(|column| json!({ "name": column.name, "doc": column.doc.trim() }))
        .collect();
    json!({
        "name": entry.name, "kind": entry.kind(), "category": entry.category.name(), "args": args, "columns": columns,
        "platforms": entry.platforms.names(), "doc": entry.doc,
        "permissions": entry.permissions.iter().map(|permission| permission.name()).collect::<Vec<_>>(),
    })
}

fn fmt(files: &[PathBuf], check: bool) -> anyhow::Result<ExitCode> {
    let mut would_change = false;
    for path in files {
        let is_stdin = path.as_os_str() == "-";
        let text = if is_stdin {
            std::io::read_to_string(std::io::stdin())?
        } else {
            std::fs::read_to_string(path).with_context(|| format!("reading `{}`", path.display()))?
        };
        let formatted = peregrine_vql::reformat_keeping_comments(&text).map_err(|found| {
            let name = format!("`{}`", path.display());
            diagnostics::Refused::new(&name, &text, found)
        })?;
        if is_stdin {
            std::io::stdout().lock().write_all(formatted.as_bytes())?;
        } else if formatted != text {
            would_change = true;
            if check {
                terminal::say(Style::Warning, &format!("`{}` would change", path.display()));
            } else {
                std::fs::write(path, formatted).with_context(|| format!("writing `{}`", path.display()))?;
            }
        }
    }
    Ok(if check && would_change {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
