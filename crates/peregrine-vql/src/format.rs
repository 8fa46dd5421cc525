//! The formatter: one layout for every query text, comments kept.

use crate::ast::{File, Span};
use crate::diagnostic::{self, Diagnostic, code};
use crate::parser::{parse, parse_with_comments};
use crate::print::print_statement;
use crate::render::Renderer;

/// Lays a query text out. Refused are texts that do not parse and texts with a comment that cannot be kept.
///
/// The result is parsed again: it means the same, or is not returned.
pub fn reformat(text: &str) -> Result<String, Vec<Diagnostic>> {
    let file = parse_with_comments(text)?;
    let mut renderer = Renderer::formatter(text.len());
    renderer.file(&file);
    let mut formatted = renderer.into_text();
    formatted.truncate(formatted.trim_end_matches([' ', '\n']).len());
    formatted.push('\n');
    match parse(&formatted) {
        Ok(again) if same_meaning(&file, &again) => Ok(formatted),
        _ => Err(unfaithful(text)),
    }
}

fn same_meaning(left: &File, right: &File) -> bool {
    left.statements.len() == right.statements.len()
        && left
            .statements
            .iter()
            .zip(&right.statements)
            .all(|(a, b)| print_statement(a) == print_statement(b))
}

fn unfaithful(text: &str) -> Vec<Diagnostic> {
    let message = "the formatter cannot lay this text out without changing its meaning";
    let mut diagnostics = [Diagnostic::error(code::UNFAITHFUL, Span::default(), message)
        .with_help("move comments out of expressions and try again")];
    diagnostic::finish(text, &mut diagnostics);
    diagnostics.to_vec()
}
