//! Information about the position of the cursor: the page of a name, the arguments of a call.

use super::Answer;
use super::workspace::{Workspace, number};
use gen_lsp_types as lsp;

/// Markdown for an editor.
pub(super) fn markdown(value: String) -> lsp::MarkupContent {
    lsp::MarkupContent {
        kind: lsp::MarkupKind::Markdown,
        value,
    }
}

pub(super) fn hover(workspace: &Workspace, params: lsp::HoverParams) -> Answer<Option<lsp::Hover>> {
    Ok(hover_at(workspace, &params))
}

fn hover_at(workspace: &Workspace, params: &lsp::HoverParams) -> Option<lsp::Hover> {
    let (text, offset) = workspace.at(&params.text_document_position_params)?;
    let (region, inner) = text.document.region_at(offset)?;
    let (span, page) = peregrine_vql_ide::hover(&region.text, inner, &region.around, &workspace.catalogue)?;
    let place = |offset: u32| region.to_file(offset as usize);
    Some(lsp::Hover {
        contents: lsp::Contents::MarkupContent(markdown(page)),
        range: Some(workspace.range(text, place(span.start), place(span.end))),
    })
}

pub(super) fn signature(
    workspace: &Workspace,
    params: lsp::SignatureHelpParams,
) -> Answer<Option<lsp::SignatureHelp>> {
    Ok(signature_at(workspace, &params))
}

fn signature_at(workspace: &Workspace, params: &lsp::SignatureHelpParams) -> Option<lsp::SignatureHelp> {
    let (text, offset) = workspace.at(&params.text_document_position_params)?;
    let (region, inner) = text.document.region_at(offset)?;
    let found = peregrine_vql_ide::signature(&region.text, inner, &region.around, &workspace.catalogue)?;
    let units = |offset: usize| {
        number(
            found
                .label
                .get(..offset)
                .map_or(0, |text| workspace.encoding.width(text)),
        )
    };
    let parameters = found
        .arguments
        .iter()
        .map(|((start, end), doc)| lsp::ParameterInformation {
            label: lsp::ParameterInformationLabel::Tuple((units(*start), units(*end))),
            documentation: Some(lsp::Documentation::MarkupContent(markdown(doc.clone()))),
        });
    let active = found.active.map(|at| lsp::ActiveParameter::Int(number(at)));
    Some(lsp::SignatureHelp {
        signatures: vec![lsp::SignatureInformation {
            label: found.label.clone(),
            documentation: Some(lsp::Documentation::MarkupContent(markdown(found.doc.clone()))),
            parameters: Some(parameters.collect()),
            active_parameter: None,
        }],
        active_signature: Some(0),
        active_parameter: active,
    })
}
