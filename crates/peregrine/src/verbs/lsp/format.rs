//! Formatting a text.

use super::workspace::Workspace;
use super::{Answer, Refusal};
use gen_lsp_types as lsp;

/// The changed lines; none if it is already formatted.
pub(super) fn format(
    workspace: &Workspace,
    params: lsp::DocumentFormattingParams,
) -> Answer<Vec<lsp::TextEdit>> {
    let text = workspace
        .text(&params.text_document.uri)
        .ok_or_else(|| Refusal::because("this text is not open"))?;
    let old = &text.document.text;
    let new = match &text.document.outline {
        Some(_) => peregrine_artifacts::reformat_keeping_comments(old)
            .map_err(|error| Refusal::because(error.to_string()))?,
        None if text.document.regions.is_empty() => return Ok(Vec::new()),
        None => peregrine_vql::reformat_keeping_comments(old).map_err(|found| {
            let message = found.first().map(ToString::to_string).unwrap_or_default();
            Refusal::because(format!("this text can not be laid out: {message}"))
        })?,
    };
    if new == *old {
        return Ok(Vec::new());
    }
    // Unchanged lines are left alone, so that cursors and marks stay in place.
    let same = |a: &str, b: &str| a == b;
    let before: usize = old
        .split_inclusive('\n')
        .zip(new.split_inclusive('\n'))
        .take_while(|(a, b)| same(a, b))
        .map(|(line, _)| line.len())
        .sum();
    let (old_rest, new_rest) = (
        old.get(before..).unwrap_or_default(),
        new.get(before..).unwrap_or_default(),
    );
    let after: usize = old_rest
        .split_inclusive('\n')
        .rev()
        .zip(new_rest.split_inclusive('\n').rev())
        .take_while(|(a, b)| same(a, b))
        .map(|(line, _)| line.len())
        .sum();
    let changed = new_rest.get(..new_rest.len() - after).unwrap_or(new_rest);
    Ok(vec![lsp::TextEdit {
        range: workspace.range(text, before, old.len() - after),
        new_text: changed.to_owned(),
    }])
}
