//! Requirements on a definition before it enters a repository.

use crate::error::{Error, Problem};
use crate::model::Artifact;
use crate::place::starts_with_key;
use crate::queues;
use peregrine_base::Permission;

const REPORT_TYPES: &[&str] = &[
    "",
    "monitoring_daily",
    "server_event",
    "client",
    "internal",
    "hunt",
    "templates",
    "html",
];
const CELL_TYPES: &[&str] = &["", "md", "markdown", "vql", "vql_suggestion", "notebook", "none"];

/// Rules that apply to every definition, wherever it comes from.
pub fn check_form(artifact: &Artifact) -> Result<(), Error> {
    let mut problems = Vec::new();
    if let Some(problem) = name_problem(&artifact.name) {
        problems.push(at_name(artifact, problem));
    }
    for alias in &artifact.aliases {
        problems.extend(
            name_problem(alias)
                .map(|problem| Problem::about(&artifact.raw, "aliases", alias, format!("alias: {problem}"))),
        );
    }
    for report in &artifact.reports {
        if !REPORT_TYPES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&report.kind))
        {
            let known = REPORT_TYPES[1..].join(", ");
            let message = format!("unknown report type `{}`; use one of {known}", report.kind);
            problems.push(about_type(artifact, "reports", &report.kind, message));
        }
    }
    if let Some(expected) = queues::expected_kind(&artifact.name).filter(|&kind| kind != artifact.kind) {
        let message = format!(
            "`{}` is a queue of the server and must have type `{expected}`, not `{}`",
            artifact.name, artifact.kind
        );
        problems.push(at_name(artifact, message));
    }
    finish(artifact, problems)
}

/// The full check, for definitions that were not tested when the product was built. VQL is parsed but not
/// analysed; [`crate::verify()`] does that.
pub fn validate(artifact: &Artifact) -> Result<(), Error> {
    check_form(artifact)?;
    let mut problems = Vec::new();
    let required = artifact.required_permissions.iter();
    let implied = artifact.implied_permissions.iter();
    let permissions = required
        .map(|permission| ("required_permissions", permission))
        .chain(implied.map(|permission| ("implied_permissions", permission)));
    for (key, permission) in permissions {
        problems.extend(
            permission_problem(permission)
                .map(|problem| Problem::about(&artifact.raw, key, permission, problem)),
        );
    }
    check_parameters(artifact, &mut problems);
    let source_condition = artifact
        .sources
        .iter()
        .find_map(|source| source.precondition.as_ref());
    if let (Some(_), Some(section)) = (&artifact.precondition, source_condition) {
        let message = "both the artifact and a source have a precondition; keep only one kind";
        problems.push(Problem::at(section.line, 0, message));
    }
    for cell in artifact.sources.iter().flat_map(|source| &source.notebook) {
        if !CELL_TYPES
            .iter()
            .any(|known| known.eq_ignore_ascii_case(&cell.kind))
        {
            let known = CELL_TYPES[1..].join(", ");
            let message = format!("unknown cell type `{}`; use one of {known}", cell.kind);
            problems.push(about_type(artifact, "sources", &cell.kind, message));
        }
    }
    check_statements(artifact, &mut problems);
    finish(artifact, problems)
}

fn check_parameters(artifact: &Artifact, problems: &mut Vec<Problem>) {
    for (index, parameter) in artifact.parameters.iter().enumerate() {
        if parameter.name.is_empty() {
            let message = format!("parameter {} has no name; give it one", index + 1);
            problems.push(at_key(artifact, "parameters", message));
        }
        if parameter.name.contains('`') {
            let message = format!(
                "parameter name `{}` contains a backtick; choose another",
                parameter.name
            );
            problems.push(Problem::about(
                &artifact.raw,
                "parameters",
                &parameter.name,
                message,
            ));
        }
    }
}

fn permission_problem(name: &str) -> Option<String> {
    if Permission::parse(name).is_some_and(|known| known != Permission::AllQuery) {
        return None;
    }
    let known = Permission::ALL
        .iter()
        .filter(|known| **known != Permission::AllQuery);
    let hint = peregrine_base::suggest::did_you_mean(name, known.map(|known| known.name()));
    let advice = hint.unwrap_or_else(|| "check its spelling".to_owned());
    Some(format!("unknown permission `{name}`; {advice}"))
}

fn check_statements(artifact: &Artifact, problems: &mut Vec<Problem>) {
    let parsed = match artifact.parsed() {
        Ok(parsed) => parsed,
        Err(Error::Invalid { problems: found, .. }) => return problems.extend(found),
        Err(other) => return problems.push(Problem::anywhere(other.to_string())),
    };
    for (source, trees) in artifact.sources.iter().zip(&parsed.sources) {
        let Some(section) = &source.query else { continue };
        let Some((last, before)) = trees.query.split_last() else {
            continue;
        };
        let mut report = |offset: u32, message: &str| {
            let (line, column) = section.position(&artifact.raw, offset as usize);
            problems.push(Problem::at(line, column, message));
        };
        if last.is_let() {
            report(
                last.tree.span.start,
                "the last statement of a source must be a SELECT, which gives its rows",
            );
        }
        for statement in before.iter().filter(|statement| !statement.is_let()) {
            let message =
                "only the last statement of a source may be a SELECT; put others into sources of their own";
            report(statement.tree.span.start, message);
        }
    }
}

/// What is wrong with an artifact's name.
#[must_use]
pub fn name_problem(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the artifact has no name; add a `name:` such as `Custom.My.Artifact`".to_owned());
    }
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if let Some(c) = name.chars().find(|&c| !is_allowed(c)) {
        return Some(format!(
            "the name `{name}` contains `{c}`; use only letters, digits, `_` and `.`"
        ));
    }
    let bad = name
        .split('.')
        .find(|part| part.is_empty() || part.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(format!(
        "the part `{bad}` of the name `{name}` must start with a letter or `_`"
    ))
}

/// An error about the artifact's name.
fn at_name(artifact: &Artifact, message: String) -> Problem {
    if artifact.name.is_empty() {
        return at_key(artifact, "name", message);
    }
    Problem::about(&artifact.raw, "name", &artifact.name, message)
}

/// An error about a `type:` in the block of a top-level key; the value alone is often a word of a query, too.
fn about_type(artifact: &Artifact, key: &str, kind: &str, message: String) -> Problem {
    Problem::about(&artifact.raw, key, &format!("type: {kind}"), message)
}

/// An error reported at the line of a top-level key.
fn at_key(artifact: &Artifact, key: &str, message: String) -> Problem {
    let line = artifact.raw.lines().position(|line| starts_with_key(line, key));
    Problem::at(
        line.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0),
        0,
        message,
    )
}

fn finish(artifact: &Artifact, problems: Vec<Problem>) -> Result<(), Error> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid {
            artifact: artifact.name.clone(),
            problems,
        })
    }
}
