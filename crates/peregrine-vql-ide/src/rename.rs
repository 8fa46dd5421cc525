//! Renaming a LET, a parameter, or a variable given from outside.
//!
//! Scoping is dynamic, so a name may mean different things at different times. If that is possible, nothing
//! is renamed, and the refusal says why.

use crate::catalogue::Catalogue;
use crate::complete::quoted;
use crate::names::Names;
use crate::occurrences::{Occurrence, Wanted, What, occurrences};
use crate::surroundings::Surroundings;
use peregrine_vql::ast::Span;
use peregrine_vql::parse_recovering;

/// Why this cannot be renamed; `None` if it can.
#[must_use]
pub fn refusal(what: &What) -> Option<String> {
    let built_in =
        |name: &str, kind: &str| Some(format!("`{name}` is a built-in {kind} and cannot be renamed"));
    match what {
        What::Function(name) => built_in(name, "function"),
        What::Plugin(name) => built_in(name, "plugin"),
        What::Artifact(name) => Some(format!(
            "`{name}` is an artifact; its name stands in its own definition"
        )),
        What::Column { name, .. } => Some(format!(
            "`{name}` is a column: change what gives it, or the alias and its uses"
        )),
        What::Argument { name, callee, .. } => Some(format!(
            "`{name}` is an argument of `{callee}`; rename it where that is defined"
        )),
        What::Unknown(name) => Some(format!("nothing here defines `{name}`")),
        What::Let(_) | What::Parameter { .. } | What::Given(_) => None,
    }
}

/// The places to change in each of these texts, which share a scope, and the new text.
pub fn rename(
    texts: &[(&str, &Surroundings)],
    what: &What,
    new: &str,
    catalogue: &Catalogue,
) -> Result<(Vec<Vec<Span>>, String), String> {
    if let Some(refusal) = refusal(what) {
        return Err(refusal);
    }
    let new = new.trim().trim_matches('`');
    if new.is_empty() || new.contains(['`', '\n', '\\']) {
        return Err("a name has at least one character, and no backtick, backslash or line end".to_owned());
    }
    let old = match what {
        What::Let(name) | What::Given(name) | What::Parameter { name, .. } => name.as_str(),
        _ => return Err("only LETs and parameters can be renamed".to_owned()),
    };
    check_new_name(texts, what, new, catalogue)?;
    let mut spans = Vec::new();
    for (text, around) in texts {
        let found = occurrences(text, Wanted::Named(old), around, catalogue);
        let mut own = Vec::new();
        for occurrence in found {
            if is_same(what, &occurrence.what) {
                check_place(text, &occurrence, new)?;
                own.push(occurrence.span);
            } else if let Some(doubt) = doubt(what, &occurrence) {
                let (line, _) = peregrine_vql::diagnostic::locate(text, occurrence.span.start);
                return Err(format!("{doubt} (line {line} of this query); rename it by hand"));
            }
        }
        own.dedup();
        spans.push(own);
    }
    Ok((spans, quoted(new)))
}

fn check_new_name(
    texts: &[(&str, &Surroundings)],
    what: &What,
    new: &str,
    catalogue: &Catalogue,
) -> Result<(), String> {
    for (text, around) in texts {
        let (file, _) = parse_recovering(text);
        let names = Names::of(around.before.iter().chain([&file]));
        let is_given = around.variables.iter().any(|variable| variable.name == new);
        if names.has(new) || is_given {
            return Err(format!("`{new}` is already the name of something here"));
        }
    }
    let is_builtin = catalogue.functions.contains_key(new) || catalogue.plugins.contains_key(new);
    if is_builtin && matches!(what, What::Let(_)) {
        return Err(format!(
            "`{new}` is built in: calls would go there, not to this LET"
        ));
    }
    Ok(())
}

fn check_place(text: &str, occurrence: &Occurrence, new: &str) -> Result<(), String> {
    let (line, _) = peregrine_vql::diagnostic::locate(text, occurrence.span.start);
    if occurrence.is_blurred {
        return Err(format!(
            "the string in line {line} of this query uses the name, and has escapes; rename it by hand"
        ));
    }
    if occurrence
        .visible
        .iter()
        .any(|columns| columns.get(new).is_some())
    {
        return Err(format!(
            "in line {line} of this query a column is named `{new}`, which would be taken instead"
        ));
    }
    Ok(())
}

fn is_same(wanted: &What, found: &What) -> bool {
    match (wanted, found) {
        (
            What::Parameter { of, name },
            What::Argument {
                callee, name: given, ..
            },
        ) => of == callee && name == given,
        _ => wanted == found,
    }
}

/// Why this other occurrence of the name may have the same meaning after all.
fn doubt(wanted: &What, occurrence: &Occurrence) -> Option<String> {
    match (wanted, &occurrence.what) {
        (_, What::Argument { .. } | What::Function(_) | What::Plugin(_) | What::Artifact(_)) => None,
        // Parameters of different LETs are unrelated.
        (
            What::Parameter { .. },
            What::Parameter { .. } | What::Column { .. } | What::Let(_) | What::Given(_),
        ) => None,
        (What::Parameter { name, of }, What::Unknown(_)) => Some(format!(
            "`{name}` is also used outside `{of}`, where it may come from whoever calls"
        )),
        (_, What::Column { name, .. }) => Some(format!("`{name}` is also the name of a column")),
        (_, What::Parameter { name, of }) => Some(format!("`{name}` is also a parameter of `{of}`")),
        (_, What::Let(name)) => Some(format!("`{name}` is also the name of a LET")),
        (_, What::Given(name)) => Some(format!("`{name}` is also given from outside")),
        (_, What::Unknown(_)) => None,
    }
}
