//! The definitions a request calls, reduced to what executing them needs.

use crate::compile::{Options, tool_variables};
use crate::error::Error;
use crate::model::Artifact;
use crate::repository::Repository;
use crate::syntax::Statement;
use peregrine_proto::{self as proto, ArtifactParameter, ArtifactSource};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Definitions for everything `texts` call, directly or through others, sorted by name.
pub(crate) fn collect(
    repository: &Repository,
    texts: &[&str],
    options: &Options<'_>,
) -> Result<Vec<proto::Artifact>, Error> {
    let called = texts.iter().flat_map(|text| called_in(text));
    let found = reached_from(repository, called.map(str::to_owned).collect())?;
    found
        .into_values()
        .map(|artifact| reduce(&artifact, options))
        .collect()
}

/// Everything an artifact calls or imports, directly or through others, sorted by name.
pub fn dependencies(repository: &Repository, artifact: &Artifact) -> Result<Vec<Arc<Artifact>>, Error> {
    let mut found = reached_from(repository, named_by(artifact)?)?;
    found.remove(&artifact.name);
    Ok(found.into_values().collect())
}

/// The definitions with these names, and everything they call or import, directly or through others.
fn reached_from(
    repository: &Repository,
    mut pending: Vec<String>,
) -> Result<BTreeMap<String, Arc<Artifact>>, Error> {
    let mut found = BTreeMap::new();
    while let Some(name) = pending.pop() {
        if found.contains_key(&name) {
            continue;
        }
        let artifact = repository.get(&name).ok_or_else(|| repository.not_found(&name))?;
        pending.extend(named_by(&artifact)?);
        found.insert(name, artifact);
    }
    Ok(found)
}

/// Names that an artifact imports or calls itself.
fn named_by(artifact: &Artifact) -> Result<Vec<String>, Error> {
    let mut names = artifact.imports.clone();
    for text in statements(artifact)? {
        names.extend(called_in(&text).map(str::to_owned));
    }
    Ok(names)
}

/// Names called as `Artifact.Name(` in a text. The search is textual, so a space before the parenthesis is
/// not allowed, and names built at run time are not found.
pub(crate) fn called_in(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("Artifact.").filter_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let end = rest.find(|c: char| c.is_whitespace() || c == '(')?;
        (end > 0 && rest[end..].starts_with('(')).then(|| &rest[..end])
    })
}

/// The text of every statement of an artifact.
fn statements(artifact: &Artifact) -> Result<Vec<Arc<str>>, Error> {
    let parsed = artifact.parsed()?;
    let sources = parsed
        .sources
        .iter()
        .flat_map(|source| source.precondition.iter().chain(&source.query));
    Ok(parsed
        .export
        .iter()
        .chain(&parsed.precondition)
        .chain(sources)
        .map(|statement| statement.text.clone())
        .collect())
}

/// The part of a definition that is sent: no descriptions, no comments; its tools become parameters.
fn reduce(artifact: &Artifact, options: &Options<'_>) -> Result<proto::Artifact, Error> {
    let parsed = artifact.parsed()?;
    let mut parameters: Vec<ArtifactParameter> = artifact
        .parameters
        .iter()
        .map(|parameter| ArtifactParameter {
            name: parameter.name.clone(),
            r#type: parameter.kind.clone(),
            default: parameter.default.clone(),
            ..ArtifactParameter::default()
        })
        .collect();
    let mut known: BTreeSet<String> = parameters
        .iter()
        .map(|parameter| parameter.name.clone())
        .collect();
    for tool in &artifact.tools {
        for (name, default) in tool_variables(tool, options)? {
            if known.insert(name.clone()) {
                parameters.push(ArtifactParameter {
                    name,
                    default,
                    ..ArtifactParameter::default()
                });
            }
        }
    }
    Ok(proto::Artifact {
        name: artifact.name.clone(),
        r#type: artifact.kind.as_str().to_owned(),
        precondition: join(&parsed.precondition),
        export: join(&parsed.export),
        imports: artifact.imports.clone(),
        parameters,
        sources: artifact
            .sources
            .iter()
            .zip(&parsed.sources)
            .map(|(source, trees)| ArtifactSource {
                name: source.name.clone(),
                precondition: join(&trees.precondition),
                queries: trees
                    .query
                    .iter()
                    .map(|statement| statement.text.to_string())
                    .collect(),
                ..ArtifactSource::default()
            })
            .collect(),
        ..proto::Artifact::default()
    })
}

fn join(statements: &[Statement]) -> String {
    statements
        .iter()
        .map(|statement| &*statement.text)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_in_text() {
        let text = "SELECT * FROM Artifact.A.B(x=1) WHERE Artifact.C (y) OR Artifact.( OR Artifact.D.E() OR Artifact.F";
        assert_eq!(called_in(text).collect::<Vec<_>>(), ["A.B", "D.E"]);
    }
}
