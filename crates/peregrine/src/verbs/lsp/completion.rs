//! Proposals for the word at the cursor.

use super::Answer;
use super::info::markdown;
use super::workspace::Workspace;
use gen_lsp_types as lsp;
use peregrine_vql_ide::CandidateKind;

/// The proposals at the cursor.
pub(super) fn complete(workspace: &Workspace, params: lsp::CompletionParams) -> Answer<lsp::CompletionList> {
    Ok(proposals(workspace, &params).unwrap_or_default())
}

fn proposals(workspace: &Workspace, params: &lsp::CompletionParams) -> Option<lsp::CompletionList> {
    let (text, offset) = workspace.at(&params.text_document_position_params)?;
    let (region, inner) = text.document.region_at(offset)?;
    let (start, candidates) =
        peregrine_vql_ide::complete(&region.text, inner, &region.around, &workspace.catalogue);
    let range = workspace.range(text, region.to_file(start), offset);
    let next = text
        .document
        .text
        .get(offset..)
        .and_then(|rest| rest.chars().next());
    let items = candidates.into_iter().enumerate().map(|(at, candidate)| {
        let mut inserted = candidate.text.clone();
        // Text that is already there is not inserted again.
        if inserted.ends_with(['(', '=']) && inserted.chars().next_back() == next {
            inserted.pop();
        }
        lsp::CompletionItem {
            label: candidate.text.trim_end_matches(['(', '=']).to_owned(),
            kind: Some(kind(candidate.kind)),
            detail: Some(candidate.description).filter(|text| !text.is_empty()),
            documentation: Some(candidate.doc)
                .filter(|doc| !doc.is_empty())
                .map(|doc| lsp::Documentation::MarkupContent(markdown(doc))),
            // Columns before functions before keywords.
            sort_text: Some(format!("{at:06}")),
            filter_text: Some(candidate.text),
            text_edit: Some(lsp::CompletionItemTextEdit::TextEdit(lsp::TextEdit {
                range,
                new_text: inserted,
            })),
            ..Default::default()
        }
    });
    Some(lsp::CompletionList {
        // After the first letter there are more proposals.
        is_incomplete: start == inner,
        items: items.collect(),
        ..Default::default()
    })
}

fn kind(kind: CandidateKind) -> lsp::CompletionItemKind {
    match kind {
        CandidateKind::Column => lsp::CompletionItemKind::Field,
        CandidateKind::Let | CandidateKind::Variable => lsp::CompletionItemKind::Variable,
        CandidateKind::Function => lsp::CompletionItemKind::Function,
        CandidateKind::Plugin => lsp::CompletionItemKind::Class,
        CandidateKind::Argument => lsp::CompletionItemKind::Property,
        CandidateKind::Artifact => lsp::CompletionItemKind::Module,
        CandidateKind::Keyword => lsp::CompletionItemKind::Keyword,
    }
}
