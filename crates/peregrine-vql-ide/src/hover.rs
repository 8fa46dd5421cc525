//! Information about the name at a position.

use crate::catalogue::Catalogue;
use crate::complete::parameters;
use crate::describe;
use crate::names;
use crate::occurrences::{What, let_definition, occurrence_at};
use crate::scan::{self, Piece};
use crate::surroundings::Surroundings;
use peregrine_vql::ast::{Span, StatementKind};
use peregrine_vql::{parse_recovering, print_statement};

/// Markdown about the name at a byte of the text, and its span.
#[must_use]
pub fn hover(
    text: &str,
    position: usize,
    around: &Surroundings,
    catalogue: &Catalogue,
) -> Option<(Span, String)> {
    let Some(found) = occurrence_at(text, position, around, catalogue) else {
        return keyword(text, position);
    };
    let page = match &found.what {
        What::Function(name) => describe::callable(name, catalogue.functions.get(name)?),
        What::Plugin(name) => describe::callable(name, catalogue.plugins.get(name)?),
        What::Artifact(name) => describe::artifact(name, catalogue.artifacts.get(name)?),
        What::Argument {
            callee,
            is_source,
            name,
        } => {
            let (file, _) = parse_recovering(text);
            let known = parameters(callee, *is_source, around.before.iter().chain([&file]), catalogue);
            describe::argument(known.iter().find(|argument| argument.name == *name)?)
        }
        What::Let(name) => format!("```vql\n{}\n```", statement_of(name, text, around)?),
        What::Parameter { of, name } => format!("`{name}`: parameter of `{of}`"),
        What::Column { name, doc, origin } if origin.is_empty() => format!("`{name}`: alias\n\n{doc}"),
        What::Column { name, doc, origin } => format!("`{name}`: column of `{origin}`\n\n{doc}"),
        What::Given(name) => {
            let known = around.variables.iter().find(|variable| variable.name == *name)?;
            describe::argument(known)
        }
        What::Unknown(_) => return None,
    };
    Some((found.span, page.trim().to_owned()))
}

/// The LET of this name, in this text or an earlier one, without its leading comments.
fn statement_of(name: &str, text: &str, around: &Surroundings) -> Option<String> {
    if let Some((_, whole)) = let_definition(text, name) {
        return text
            .get(whole.start as usize..whole.end as usize)
            .map(describe::shortened);
    }
    let statements = around
        .before
        .iter()
        .rev()
        .flat_map(|file| file.statements.iter().rev());
    let mut lets = statements.filter(
        |statement| matches!(&statement.kind, StatementKind::Let(binding) if *binding.name.text == *name),
    );
    lets.next()
        .map(|statement| describe::shortened(&print_statement(statement)))
}

fn keyword(text: &str, position: usize) -> Option<(Span, String)> {
    let mut pieces = scan::pieces(text);
    let (piece, range) = pieces.find(|(_, range)| range.contains(&position))?;
    let doc = describe::keyword(text.get(range.clone())?);
    let is_known = piece == Piece::Keyword && !doc.is_empty();
    let span = Span {
        start: names::small(range.start),
        end: names::small(range.end),
    };
    is_known.then(|| (span, doc.to_owned()))
}
