//! The search over artifacts: words and `verb:value` terms, all of which must match.

use crate::kind::Kind;
use crate::model::{Artifact, Metadata};
use regex::{Regex, RegexBuilder};

/// A parsed search expression.
#[derive(Debug)]
pub struct Query {
    terms: Vec<Term>,
    shows_empty: bool,
}

#[derive(Debug)]
enum Term {
    Text(Regex),
    Kind(Option<Kind>),
    Precondition(Regex),
    Tool(Regex),
    Tag(String),
    BuiltIn(bool),
    Basic,
    Hidden(bool),
}

impl Query {
    /// Parses an expression such as `type:client tag:linux pslist`. Bare words are case-insensitive patterns
    /// over name and description; a word that is not a valid pattern is searched for literally.
    #[must_use]
    pub fn parse(expression: &str) -> Query {
        let mut query = Query {
            terms: Vec::new(),
            shows_empty: false,
        };
        for word in expression.split_whitespace() {
            let term = match word.split_once(':') {
                Some(("type", value)) => Term::Kind(Kind::parse(value)),
                Some(("precondition", value)) => Term::Precondition(pattern(value)),
                Some(("tool", value)) => Term::Tool(pattern(value)),
                Some(("tag", value)) => {
                    query.shows_empty = true;
                    Term::Tag(value.to_owned())
                }
                Some(("builtin", value)) => Term::BuiltIn(is_yes(value)),
                Some(("metadata", "basic")) => Term::Basic,
                Some(("hidden", value)) => Term::Hidden(is_yes(value)),
                Some(("empty", value)) => {
                    query.shows_empty |= is_yes(value);
                    continue;
                }
                _ => Term::Text(pattern(word)),
            };
            query.terms.push(term);
        }
        query
    }

    /// Whether an artifact matches. Artifacts without sources match only if the query has `empty:true` or a
    /// tag.
    #[must_use]
    pub fn matches(&self, artifact: &Artifact, metadata: &Metadata) -> bool {
        let is_shown = self.shows_empty || !artifact.sources.is_empty();
        let asks_hidden = self.terms.iter().any(|term| matches!(term, Term::Hidden(_)));
        let is_visible = asks_hidden || !metadata.hidden;
        is_shown && is_visible && self.terms.iter().all(|term| term.matches(artifact, metadata))
    }
}

impl Term {
    fn matches(&self, artifact: &Artifact, metadata: &Metadata) -> bool {
        match self {
            Term::Text(pattern) => {
                pattern.is_match(&artifact.name) || pattern.is_match(&artifact.description)
            }
            Term::Kind(kind) => *kind == Some(artifact.kind),
            Term::Precondition(pattern) => {
                let own = artifact
                    .sources
                    .iter()
                    .filter_map(|source| source.precondition.as_ref());
                own.chain(&artifact.precondition)
                    .any(|section| pattern.is_match(&section.text))
            }
            Term::Tool(pattern) => artifact.tools.iter().any(|tool| pattern.is_match(&tool.name)),
            Term::Tag(tag) => metadata.tags.iter().any(|own| own.eq_ignore_ascii_case(tag)),
            Term::BuiltIn(wanted) => artifact.is_built_in() == *wanted,
            Term::Basic => metadata.basic,
            Term::Hidden(wanted) => metadata.hidden == *wanted,
        }
    }
}

fn is_yes(value: &str) -> bool {
    ["yes", "true", "y", "1"]
        .iter()
        .any(|yes| value.eq_ignore_ascii_case(yes))
}

/// The pattern, or its literal text if it is invalid.
fn pattern(text: &str) -> Regex {
    let build = |text: &str| {
        RegexBuilder::new(text)
            .case_insensitive(true)
            .size_limit(1 << 20)
            .build()
    };
    build(text)
        .or_else(|_| build(&regex::escape(text)))
        .unwrap_or_else(|_| Regex::new("").expect("the empty pattern is valid"))
}
