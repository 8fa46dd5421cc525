//! The syntax trees of an artifact's VQL, parsed once.

use crate::error::{Error, Problem};
use crate::model::Artifact;
use crate::section::Section;
use peregrine_vql::ast;
use std::sync::Arc;

/// All VQL of an artifact.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parsed {
    pub(crate) precondition: Vec<Statement>,
    pub(crate) export: Vec<Statement>,
    /// One entry per source, in order.
    pub(crate) sources: Vec<ParsedSource>,
}

/// The VQL of a source.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParsedSource {
    pub(crate) precondition: Vec<Statement>,
    pub(crate) query: Vec<Statement>,
}

/// A statement and its canonical text, without comments.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) tree: ast::Statement,
    pub(crate) text: Arc<str>,
}

impl Statement {
    pub(crate) fn is_let(&self) -> bool {
        matches!(self.tree.kind, ast::StatementKind::Let(_))
    }
}

impl Artifact {
    /// The trees of all VQL in this definition; on failure all syntax errors at once.
    pub(crate) fn parsed(&self) -> Result<Arc<Parsed>, Error> {
        self.parsed.get_or_init(|| self.parse().map(Arc::new)).clone()
    }

    fn parse(&self) -> Result<Parsed, Error> {
        let mut problems = Vec::new();
        let mut parse = |section: &Option<Section>, what: &str| match section {
            None => Vec::new(),
            Some(section) => parse_section(section, &self.raw).unwrap_or_else(|found| {
                problems.extend(found.into_iter().map(|mut problem| {
                    problem.message = format!("{what}: {}", problem.message);
                    problem
                }));
                Vec::new()
            }),
        };
        let parsed = Parsed {
            precondition: parse(&self.precondition, "precondition"),
            export: parse(&self.export, "export"),
            sources: self
                .sources
                .iter()
                .map(|source| ParsedSource {
                    precondition: parse(&source.precondition, "precondition"),
                    query: parse(&source.query, "query"),
                })
                .collect(),
        };
        if problems.is_empty() {
            Ok(parsed)
        } else {
            Err(Error::Invalid {
                artifact: self.name.clone(),
                problems,
            })
        }
    }
}

/// Parses a section; errors refer to lines of the file `raw`.
pub(crate) fn parse_section(section: &Section, raw: &str) -> Result<Vec<Statement>, Vec<Problem>> {
    if is_blank(&section.text) {
        return Ok(Vec::new());
    }
    match peregrine_vql::parse(&section.text) {
        Ok(file) => Ok(file
            .statements
            .into_iter()
            .map(|tree| Statement {
                text: peregrine_vql::print_statement(&tree).into(),
                tree,
            })
            .collect()),
        Err(diagnostics) => Err(diagnostics
            .into_iter()
            .map(|diagnostic| {
                let (line, column) = section.position(raw, diagnostic.span.start as usize);
                let help = diagnostic
                    .help
                    .map(|help| format!("; {help}"))
                    .unwrap_or_default();
                Problem::at(line, column, format!("{}{help}", diagnostic.message))
            })
            .collect()),
    }
}

/// True for only space and comments: an empty query is allowed, although the language does not accept an
/// empty text.
fn is_blank(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        if rest.starts_with("--") || rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment
                .split_once("*/")
                .map_or("", |(_, after)| after)
                .trim_start();
        } else {
            return rest.is_empty();
        }
    }
}
