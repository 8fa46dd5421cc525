//! Comments that suppress a finding: `// linter: unknown_plugin:my_plugin`.

use super::{Code, Issue};
use crate::model::Artifact;
use crate::section::Section;
use regex::{Regex, RegexBuilder};

/// A suppressed kind of finding.
#[derive(Debug, Clone)]
pub struct Suppression {
    /// The kind.
    pub code: Code,
    /// Matched against the subject of the finding.
    pub pattern: Regex,
}

impl PartialEq for Suppression {
    fn eq(&self, other: &Suppression) -> bool {
        self.code == other.code && self.pattern.as_str() == other.pattern.as_str()
    }
}

impl Suppression {
    pub(super) fn covers(&self, issue: &Issue) -> bool {
        self.code == issue.code && self.pattern.is_match(&issue.subject)
    }
}

/// The suppressions in all comments of an artifact's VQL, and an issue for each that cannot be read.
pub(super) fn find(artifact: &Artifact) -> (Vec<Suppression>, Vec<Issue>) {
    let sources = artifact
        .sources
        .iter()
        .flat_map(|source| source.precondition.iter().chain(&source.query));
    let sections = artifact
        .precondition
        .iter()
        .chain(&artifact.export)
        .chain(sources);
    let (mut found, mut invalid) = (Vec::new(), Vec::new());
    for section in sections {
        find_in(section, &artifact.raw, &mut found, &mut invalid);
    }
    (found, invalid)
}

fn find_in(section: &Section, raw: &str, found: &mut Vec<Suppression>, invalid: &mut Vec<Issue>) {
    const WORD: &str = "linter:";
    for (at, _) in section.text.match_indices(WORD) {
        let line_start = section.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let before = &section.text[line_start..at];
        let in_block = section.text[..at].rfind("/*") > section.text[..at].rfind("*/");
        if !in_block && !before.contains("//") && !before.contains("--") {
            continue;
        }
        let line = section.text[at + WORD.len()..].lines().next().unwrap_or("");
        let directive = line.split("*/").next().unwrap_or(line).trim();
        match parse(directive) {
            Ok(suppression) => found.push(suppression),
            Err(message) => {
                let (line, column) = section.position(raw, at);
                let subject = directive.to_owned();
                invalid.push(Issue {
                    code: Code::InvalidSuppression,
                    line,
                    column,
                    subject,
                    message,
                });
            }
        }
    }
}

fn parse(directive: &str) -> Result<Suppression, String> {
    let (name, pattern) = directive
        .split_once(':')
        .ok_or_else(|| format!("`{directive}` names no pattern; write `linter: <code>:<regex>`"))?;
    let code =
        Code::parse(name.trim()).ok_or_else(|| format!("`{}` is not the code of a finding", name.trim()))?;
    let pattern = pattern.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|&quote| pattern.strip_prefix(quote)?.strip_suffix(quote));
    let pattern = RegexBuilder::new(unquoted.unwrap_or(pattern))
        .size_limit(1 << 20)
        .build()
        .map_err(|error| {
            format!(
                "bad pattern: {}",
                error.to_string().lines().last().unwrap_or("cannot be read")
            )
        })?;
    Ok(Suppression { code, pattern })
}
