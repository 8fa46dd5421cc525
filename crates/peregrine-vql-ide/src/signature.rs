//! The call and argument at a cursor.

use crate::catalogue::Catalogue;
use crate::complete::parameters;
use crate::describe;
use crate::place::place;
use crate::surroundings::Surroundings;
use peregrine_vql::parse_recovering;

/// The signature of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// `name(a=string, b=int64?)`.
    pub label: String,
    /// For each argument: its bytes in the label, and its documentation.
    pub arguments: Vec<((usize, usize), String)>,
    /// The callee's documentation, Markdown.
    pub doc: String,
    /// The argument at the cursor.
    pub active: Option<usize>,
}

/// The innermost call around a byte of the text.
#[must_use]
pub fn signature(
    text: &str,
    position: usize,
    around: &Surroundings,
    catalogue: &Catalogue,
) -> Option<Signature> {
    let place = place(text.get(..position)?);
    let (name, is_source, argument) = place.inside?;
    let (file, _) = parse_recovering(text);
    let files = around.before.iter().chain([&file]);
    let arguments = parameters(name, is_source, files, catalogue);
    let callables = if is_source {
        &catalogue.plugins
    } else {
        &catalogue.functions
    };
    let callable = callables.get(name);
    let free_form = callable.is_some_and(|callable| callable.free_form);
    if arguments.is_empty() && callable.is_none() {
        return None;
    }
    let (label, places) = describe::signature(name, &arguments, free_form);
    let artifact = name
        .strip_prefix("Artifact.")
        .and_then(|name| catalogue.artifacts.get(name));
    let doc = callable
        .map(|callable| callable.doc.clone())
        .or_else(|| artifact.map(|artifact| artifact.doc.clone()));
    let wanted = argument.or(Some(place.word).filter(|word| place.call.is_some() && !word.is_empty()));
    let active = wanted.and_then(|wanted| {
        let wanted = wanted.trim_matches('`');
        let exact = arguments.iter().position(|argument| argument.name == wanted);
        exact.or_else(|| {
            arguments
                .iter()
                .position(|argument| argument.name.starts_with(wanted))
        })
    });
    Some(Signature {
        label,
        arguments: places
            .into_iter()
            .zip(&arguments)
            .map(|(place, argument)| (place, describe::argument(argument)))
            .collect(),
        doc: doc.unwrap_or_default(),
        active,
    })
}
