//! Documentation of names, in Markdown.

use crate::catalogue::{Argument, Artifact, Callable, Rows};
use std::fmt::Write as _;

/// Longer texts are cut where they only serve as a reminder.
const MAX_SHOWN: usize = 300;

/// The page of a function or plugin.
pub(crate) fn callable(name: &str, callable: &Callable) -> String {
    let mut out = format!(
        "```vql\n{}\n```\n",
        signature(name, &callable.args, callable.free_form).0
    );
    if callable.is_missing {
        out.push_str("\nNot in this version of Peregrine.\n");
    }
    let _ = write!(out, "\n{}\n", callable.doc);
    list(&mut out, &callable.args);
    if let Rows::Fixed(columns) = &callable.rows
        && !columns.is_empty()
    {
        out.push_str("\nColumns:\n\n");
        for column in columns.iter() {
            let _ = writeln!(out, "- `{}`: {}", column.name, one_line(&column.doc));
        }
    }
    out
}

/// The page of an artifact.
pub(crate) fn artifact(name: &str, artifact: &Artifact) -> String {
    let mut out = format!("**{name}**\n\n{}\n", artifact.doc.trim());
    list(&mut out, &artifact.parameters);
    out
}

fn list(out: &mut String, arguments: &[Argument]) {
    if !arguments.is_empty() {
        out.push('\n');
    }
    for argument in arguments {
        let _ = writeln!(out, "- {}", self::argument(argument));
    }
}

/// One argument, in a line.
pub(crate) fn argument(argument: &Argument) -> String {
    let mut out = format!("`{}`", argument.name);
    if !argument.type_name.is_empty() {
        let list = if argument.repeated { ", list" } else { "" };
        let _ = write!(out, " ({}{list})", argument.type_name);
    }
    if !argument.doc.is_empty() {
        let _ = write!(out, ": {}", one_line(&argument.doc));
    }
    if argument.required {
        out.push_str(" Required.");
    }
    if let Some(default) = &argument.default {
        let _ = write!(out, " Default: {}.", shortened(default));
    }
    out
}

/// `name(a, b=…)` and the bytes of each argument in it.
pub(crate) fn signature(
    name: &str,
    arguments: &[Argument],
    free_form: bool,
) -> (String, Vec<(usize, usize)>) {
    let mut label = format!("{name}(");
    let mut places = Vec::new();
    for (at, argument) in arguments.iter().enumerate() {
        if at > 0 {
            label.push_str(", ");
        }
        let start = label.len();
        label.push_str(&argument.name);
        let kind = argument
            .type_name
            .strip_prefix("parameter: ")
            .unwrap_or(&argument.type_name);
        if !kind.is_empty() {
            let _ = write!(label, "={kind}");
        }
        if !argument.required {
            label.push('?');
        }
        places.push((start, label.len()));
    }
    if free_form {
        label.push_str(if arguments.is_empty() { "…" } else { ", …" });
    }
    label.push(')');
    (label, places)
}

/// Arguments that any artifact accepts.
pub(crate) fn call_option(name: &str) -> Argument {
    let doc = match name {
        "source" => "Only the source of this name.",
        _ => "Check preconditions; without it they are not.",
    };
    Argument {
        name: name.to_owned(),
        doc: doc.to_owned(),
        ..Argument::default()
    }
}

/// Describes a keyword of the language.
pub(crate) fn keyword(word: &str) -> &'static str {
    match word.to_ascii_uppercase().as_str() {
        "SELECT" => "Columns, computed for each row of what stands after FROM.",
        "FROM" => "Where rows come from: a plugin, a LET, an artifact.",
        "WHERE" => "Only rows for which this is true. It sees aliases, too.",
        "LET" => "Binds a name: `=` evaluates at each use, `<=` now.",
        "GROUP" => "`GROUP BY`: the last row of each group; aggregates count within it.",
        "ORDER" => "`ORDER BY column [DESC]`: sorts by one output column.",
        "LIMIT" => "Stops after so many rows.",
        "DESC" => "From the largest to the smallest.",
        "AS" => "The name of a column.",
        "AND" => "All are true. OR binds tighter.",
        "OR" => "The first that is true. It binds tighter than AND.",
        "NOT" => "The opposite of the comparison that follows.",
        "IN" => "An element of an array, a key of a dict, a part of a string.",
        "EXPLAIN" => "Logs what the query does.",
        "NULL" => "No value.",
        _ => "",
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a long text.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}
