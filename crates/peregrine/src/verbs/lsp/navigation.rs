//! Finding the definition of a name, and renaming it.

use super::workspace::{Text, Workspace};
use super::{Answer, Refusal};
use gen_lsp_types as lsp;
use peregrine_artifacts::quote;
use peregrine_vql_ide::{Surroundings, What, let_definition, occurrence_at, refusal};
use std::collections::HashMap;
use std::ops::Range;

/// A name in a text.
struct Name {
    what: What,
    range: Range<usize>,
}

pub(super) fn definition(
    workspace: &Workspace,
    params: lsp::DefinitionParams,
) -> Answer<Option<lsp::Location>> {
    let place = &params.text_document_position_params;
    Ok(definition_at(workspace, place))
}

fn definition_at(workspace: &Workspace, place: &lsp::TextDocumentPositionParams) -> Option<lsp::Location> {
    let (text, offset) = workspace.at(place)?;
    let name = name_at(workspace, text, offset)?;
    let here = |range: Range<usize>| lsp::Location {
        uri: place.text_document.uri.clone(),
        range: workspace.range(text, range.start, range.end),
    };
    match &name.what {
        What::Artifact(name) => workspace.artifact(name),
        What::Argument { callee, .. } if callee.starts_with("Artifact.") => {
            workspace.artifact(callee.trim_start_matches("Artifact."))
        }
        What::Let(name) => let_range(text, offset, name).map(here),
        What::Argument { callee, name, .. } => parameter_range(workspace, text, callee, name).map(here),
        What::Parameter { of, name } => parameter_range(workspace, text, of, name).map(here),
        What::Given(name) => {
            let outline = text.document.outline.as_ref()?;
            let named = outline.parameters.iter().find(|named| named.name == *name)?;
            Some(here(named.range.clone()))
        }
        _ => None,
    }
}

/// The definition of a LET: in the same piece of VQL, else in any other piece of the file.
fn let_range(text: &Text, offset: usize, name: &str) -> Option<Range<usize>> {
    let own = text.document.region_at(offset).map(|(region, _)| region);
    let mut regions = own.into_iter().chain(&text.document.regions);
    regions.find_map(|region| {
        let (span, _) = let_definition(&region.text, name)?;
        Some(region.to_file(span.start as usize)..region.to_file(span.end as usize))
    })
}

/// The declaration of a parameter of a LET.
fn parameter_range(workspace: &Workspace, text: &Text, of: &str, name: &str) -> Option<Range<usize>> {
    text.document.regions.iter().find_map(|region| {
        let (start, whole) = let_definition(&region.text, of)?;
        let declared = region.text.get(start.end as usize..whole.end as usize)?;
        // The first occurrence after the LET's own name is in its parameter list.
        let at = declared
            .match_indices(name)
            .map(|(at, _)| start.end as usize + at);
        let wanted = What::Parameter {
            of: of.to_owned(),
            name: name.to_owned(),
        };
        let mut found =
            at.filter_map(|at| occurrence_at(&region.text, at, &region.around, &workspace.catalogue));
        let found = found.find(|found| found.is_definition && found.what == wanted)?;
        Some(region.to_file(found.span.start as usize)..region.to_file(found.span.end as usize))
    })
}

fn name_at(workspace: &Workspace, text: &Text, offset: usize) -> Option<Name> {
    let outline = text
        .document
        .outline
        .iter()
        .flat_map(|outline| &outline.parameters);
    let mut declared = outline.filter(|named| named.range.start <= offset && offset <= named.range.end);
    if let Some(named) = declared.next() {
        return Some(Name {
            what: What::Given(named.name.clone()),
            range: named.range.clone(),
        });
    }
    let (region, inner) = text.document.region_at(offset)?;
    let found = occurrence_at(&region.text, inner, &region.around, &workspace.catalogue)?;
    Some(Name {
        what: found.what,
        range: region.to_file(found.span.start as usize)..region.to_file(found.span.end as usize),
    })
}

/// The name at the cursor, if it can be renamed.
fn renamable(workspace: &Workspace, text: &Text, offset: usize) -> Answer<Name> {
    let name = name_at(workspace, text, offset).ok_or_else(|| Refusal::because("there is no name here"))?;
    if let Some(refusal) = refusal(&name.what) {
        return Err(Refusal::because(refusal));
    }
    if let What::Given(given) = &name.what {
        let mut declared = text
            .document
            .outline
            .iter()
            .flat_map(|outline| &outline.parameters);
        if !declared.any(|named| named.name == *given) {
            return Err(Refusal::because(format!(
                "`{given}` is given by who runs the query and cannot be renamed here"
            )));
        }
    }
    Ok(name)
}

pub(super) fn prepare_rename(
    workspace: &Workspace,
    params: lsp::PrepareRenameParams,
) -> Answer<lsp::PrepareRenamePlaceholder> {
    let place = workspace.at(&params.text_document_position_params);
    let (text, offset) = place.ok_or_else(|| Refusal::because("this text is not open"))?;
    let name = renamable(workspace, text, offset)?;
    let shown = text.document.text.get(name.range.clone()).unwrap_or_default();
    Ok(lsp::PrepareRenamePlaceholder {
        range: workspace.range(text, name.range.start, name.range.end),
        placeholder: shown.trim_matches('`').to_owned(),
    })
}

pub(super) fn rename(workspace: &Workspace, params: lsp::RenameParams) -> Answer<lsp::WorkspaceEdit> {
    let place = &params.text_document_position_params;
    let (text, offset) = workspace
        .at(place)
        .ok_or_else(|| Refusal::because("this text is not open"))?;
    let name = renamable(workspace, text, offset)?;
    let regions = &text.document.regions;
    let texts: Vec<(&str, &Surroundings)> = regions
        .iter()
        .map(|region| (region.text.as_str(), &region.around))
        .collect();
    let (spans, new) = peregrine_vql_ide::rename(&texts, &name.what, &params.new_name, &workspace.catalogue)
        .map_err(Refusal::because)?;
    let mut edits: Vec<lsp::TextEdit> = Vec::new();
    if let (What::Given(given), Some(outline)) = (&name.what, &text.document.outline) {
        let plain = params.new_name.trim();
        if quote(plain) != plain {
            return Err(Refusal::because(
                "a parameter is named with letters, digits and `_` only",
            ));
        }
        for named in outline.parameters.iter().filter(|named| named.name == *given) {
            edits.push(lsp::TextEdit {
                range: workspace.range(text, named.range.start, named.range.end),
                new_text: plain.to_owned(),
            });
        }
    }
    for (region, spans) in regions.iter().zip(spans) {
        for span in spans {
            let (start, end) = (
                region.to_file(span.start as usize),
                region.to_file(span.end as usize),
            );
            edits.push(lsp::TextEdit {
                range: workspace.range(text, start, end),
                new_text: new.clone(),
            });
        }
    }
    Ok(lsp::WorkspaceEdit {
        changes: Some(HashMap::from([(place.text_document.uri.clone(), edits)])),
        ..Default::default()
    })
}
