//! `peregrine vql doc`: the manual page of a function or plugin in a terminal.

use super::entry::{Entry, entries, example_columns, facts};
use crate::registry;
use std::io::Write;
use std::process::ExitCode;

/// Prints everything with this name: a function, a plugin, or both.
pub(in crate::verbs) fn run(name: &str) -> anyhow::Result<ExitCode> {
    let registry = registry::registry();
    let entries = entries(&registry);
    let mut found = entries.iter().filter(|entry| entry.name == name).peekable();
    if found.peek().is_none() {
        let names = entries.iter().map(|entry| entry.name);
        let hint = peregrine_base::suggest::closest(name, names)
            .map_or_else(String::new, |close| format!("; did you mean `{close}`?"));
        anyhow::bail!("function or plugin `{name}` not found{hint} (`peregrine vql list` shows all)");
    }
    let mut out = std::io::stdout().lock();
    let mut is_first = true;
    for entry in found {
        if !std::mem::take(&mut is_first) {
            writeln!(out)?;
        }
        page(&mut out, entry)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn page(out: &mut dyn Write, entry: &Entry) -> anyhow::Result<()> {
    writeln!(out, "{}() — {}\n\n{}", entry.name, entry.kind(), entry.doc.trim())?;
    let facts = facts(entry);
    if !facts.is_empty() {
        writeln!(out, "\n{facts}")?;
    }
    if !entry.args.is_empty() {
        writeln!(out, "\nArguments:")?;
    }
    for arg in entry.args {
        let name = if arg.rest { "any name" } else { arg.name };
        let need = match (arg.required, arg.default) {
            (true, _) => ", required".to_owned(),
            (false, Some(default)) => format!(", default {default}"),
            (false, None) => String::new(),
        };
        let list = if arg.repeated { ", list" } else { "" };
        writeln!(
            out,
            "  {name:<18} {} ({}{list}{need})",
            one_line(arg.doc),
            arg.type_name
        )?;
    }
    if entry.is_plugin {
        columns(out, entry)?;
    }
    if !entry.examples.is_empty() {
        writeln!(out, "\nExamples:")?;
    }
    for example in entry.examples {
        writeln!(out, "  {}: {}", example.title, example.vql)?;
    }
    Ok(())
}

fn columns(out: &mut dyn Write, entry: &Entry) -> anyhow::Result<()> {
    writeln!(out, "\nColumns:")?;
    for column in entry.columns {
        writeln!(out, "  {:<18} {}", column.name, one_line(column.doc))?;
    }
    if entry.columns.is_empty() {
        let shown = example_columns(entry);
        let names = if shown.is_empty() {
            String::new()
        } else {
            format!("; in the examples: {}", shown.join(", "))
        };
        writeln!(out, "  They vary with what it is given{names}.")?;
    }
    if !entry.unshown.is_empty() {
        writeln!(
            out,
            "  Rows also answer to {}, which `*` does not show.",
            entry.unshown.join(", ")
        )?;
    }
    Ok(())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
