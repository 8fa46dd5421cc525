//! The formatter: one layout for every query text, with its comments.

use crate::ast::{File, Span};
use crate::diagnostic::{self, Diagnostic, code};
use crate::lexer::lex;
use crate::parser::{parse, parse_with_comments};
use crate::print::print_statement;
use crate::render::Renderer;

/// Formats a query text. Texts that do not parse, or that have a comment which cannot be kept, are refused.
///
/// The result is parsed again, and returned only if it means the same.
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

/// Formats a query text for its author: like [`reformat`], but with every comment. Comments after the last
/// statement, which the language's own formatter drops, stay at the end; a text with a comment that would be
/// lost elsewhere is refused.
pub fn reformat_keeping_comments(text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut formatted = reformat(text)?;
    let comments =
        |text: &str| -> Vec<Span> { lex(text).comments.iter().map(|comment| comment.span).collect() };
    let shown = |text: &str, span: Span| {
        let range = span.start as usize..span.end as usize;
        text.get(range).unwrap_or_default().trim_end().to_owned()
    };
    let before = comments(text);
    let after: Vec<String> = comments(&formatted)
        .into_iter()
        .map(|span| shown(&formatted, span))
        .collect();
    let (last_statement, kept) = (last_token(text), after.len());
    for (position, span) in before.iter().enumerate() {
        let comment = shown(text, *span);
        if after.get(position) == Some(&comment) {
            continue;
        }
        if position < kept || span.start < last_statement {
            return Err(lost(text, *span));
        }
        formatted.push_str(&comment);
        formatted.push('\n');
    }
    Ok(formatted)
}

/// The offset of the last token.
fn last_token(text: &str) -> u32 {
    let tokens = lex(text).tokens;
    // The very last token is the end of the text.
    tokens.iter().rev().nth(1).map_or(0, |token| token.span.start)
}

fn lost(text: &str, span: Span) -> Vec<Diagnostic> {
    let message = "this comment would be lost";
    let mut diagnostics = [Diagnostic::error(code::COMMENT, span, message)
        .with_help("move it before the statement and try again")];
    diagnostic::finish(text, &mut diagnostics);
    diagnostics.to_vec()
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

#[cfg(test)]
mod tests {
    use super::{reformat_keeping_comments, unfaithful};

    #[test]
    fn comments_after_the_last_statement_stay() {
        let text = "SELECT a FROM b -- why\n/* and\n so on */\n// end";
        let formatted = reformat_keeping_comments(text).unwrap();
        assert_eq!(formatted, "SELECT a\nFROM b\n-- why\n/* and\n so on */\n// end\n");
        assert_eq!(
            reformat_keeping_comments(&formatted).as_deref(),
            Ok(formatted.as_str())
        );
    }

    #[test]
    fn comments_between_statements_stay_where_they_are() {
        let text = "-- first\nLET x = 1\n-- second\nSELECT x FROM scope()\n";
        let formatted = reformat_keeping_comments(text).unwrap();
        assert!(formatted.starts_with("-- first\nLET x = 1\n"), "{formatted}");
        assert_eq!(formatted.matches("-- second").count(), 1, "{formatted}");
    }

    /// No text is known that leads here.
    #[test]
    fn what_would_be_said_of_a_text_that_means_something_else_afterwards() {
        let text = "LET x = 1";
        insta::assert_snapshot!("V021", unfaithful(text)[0].render(text));
    }
}
