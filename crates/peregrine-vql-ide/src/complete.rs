//! Proposals at a cursor: columns, LETs, functions, plugins, arguments of the open call, artifacts, keywords.

use crate::catalogue::{Argument, Callable, Catalogue};
use crate::columns::{Columns, Inference, Layer};
use crate::describe;
use crate::names::Names;
use crate::place::{self, Place, closers};
use crate::scan::KEYWORDS;
use crate::scopes::{self, Observer};
use crate::surroundings::Surroundings;
use crate::{ARTIFACT, calls};
use peregrine_vql::ast::{File, LetBody, Select, Source, StatementKind, Symbol};
use peregrine_vql::{parse_recovering, print_statement};

/// The kind of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    Column,
    Let,
    Variable,
    Function,
    Plugin,
    Argument,
    Artifact,
    Keyword,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The text to insert.
    pub text: String,
    /// Its kind.
    pub kind: CandidateKind,
    /// A description in one line.
    pub description: String,
    /// The full documentation, Markdown.
    pub doc: String,
}

/// Placeholder at the cursor, so that the text can be parsed. Nobody uses this name.
const CURSOR: &str = "peregrine_cursor_here";

/// Proposals for the word that ends at `position`, and where that word starts.
#[must_use]
pub fn complete(
    text: &str,
    position: usize,
    around: &Surroundings,
    catalogue: &Catalogue,
) -> (usize, Vec<Candidate>) {
    let Some(before) = text.get(..position) else {
        return (position, Vec::new());
    };
    let place = place::place(before);
    if place.is_text || place.is_new_name {
        return (position, Vec::new());
    }
    let mut found = Found {
        word: place.word.trim_start_matches('`'),
        candidates: Vec::new(),
    };
    let start = before.len() - place.word.len();
    let tree = Tree::of(text, start, position);
    if let Some(call) = place.call {
        arguments(&mut found, call, &tree, around, catalogue);
        if !found.candidates.is_empty() {
            return (start, found.candidates);
        }
    }
    let names = Names::of(tree.files(around));
    let inference = Inference::new(tree.files(around), &names, catalogue);
    if let Some((first, _)) = place.word.split_once('.') {
        if first == ARTIFACT {
            artifacts(&mut found, catalogue);
        } else {
            for column in inference.of_let(first).list() {
                let text = format!("{first}.{}", quoted(&column.name));
                found.add(CandidateKind::Column, text, &column.doc, &column.doc);
            }
        }
        return (start, found.candidates);
    }
    let mut visible = Visible::default();
    scopes::walk(&tree.file, &inference, &names, catalogue, &mut visible);
    if place.is_order {
        let columns = visible.output.map(|select| inference.of_select(&select));
        for column in columns.iter().flat_map(|columns| columns.list()) {
            found.add(
                CandidateKind::Column,
                quoted(&column.name),
                "column of this SELECT",
                "",
            );
        }
        return (start, found.candidates);
    }
    if !place.is_source {
        columns(&mut found, &visible.layers);
    }
    given(&mut found, &tree, &visible, around);
    callables(&mut found, &place, catalogue);
    (start, found.candidates)
}

/// Collects the names that begin with the word.
struct Found<'a> {
    word: &'a str,
    candidates: Vec<Candidate>,
}

impl Found<'_> {
    fn add(&mut self, kind: CandidateKind, text: String, description: &str, doc: &str) {
        let begins = text
            .trim_start_matches('`')
            .get(..self.word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(self.word));
        if !begins || self.candidates.iter().any(|known| known.text == text) {
            return;
        }
        let description = description.trim().lines().next().unwrap_or_default().to_owned();
        self.candidates.push(Candidate {
            text,
            kind,
            description,
            doc: doc.trim().to_owned(),
        });
    }

    fn begins(&self, name: &str) -> bool {
        name.get(..self.word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(self.word))
    }
}

/// The text with a placeholder at the cursor, parsed.
struct Tree {
    file: File,
}

impl Tree {
    fn of(text: &str, start: usize, end: usize) -> Tree {
        let (head, tail) = (
            text.get(..start).unwrap_or_default(),
            text.get(end..).unwrap_or_default(),
        );
        let whole = format!("{head}{CURSOR}{tail}");
        let (file, problems) = parse_recovering(&whole);
        if problems.is_empty() {
            return Tree { file };
        }
        // The text is incomplete: open brackets are closed, at the end of the text or right here.
        let ended = format!("{whole}{}", closers(&whole));
        let here = format!("{head}{CURSOR}{}\n{tail}", closers(head));
        let texts = [ended, here];
        let better = texts.iter().map(|text| parse_recovering(text).0).find(has_cursor);
        match better {
            Some(better) if !has_cursor(&file) => Tree { file: better },
            _ => Tree { file },
        }
    }

    fn files<'a>(&'a self, around: &'a Surroundings) -> impl Iterator<Item = &'a File> {
        around.before.iter().chain([&self.file])
    }
}

fn has_cursor(file: &File) -> bool {
    let names = file.statements.iter().map(crate::bindings::uses_of);
    let in_order = |select: &Select| {
        select
            .order_by
            .as_ref()
            .is_some_and(|order| &*order.column.text == CURSOR)
    };
    names.into_iter().any(|names| names.contains(CURSOR))
        || file.statements.iter().any(|statement| match &statement.kind {
            StatementKind::Select(select) => in_order(select),
            StatementKind::Let(binding) => {
                matches!(&binding.body, LetBody::Query(select) if in_order(select))
            }
        })
}

/// The names visible at the cursor.
#[derive(Default)]
struct Visible {
    layers: Vec<Layer>,
    params: Vec<String>,
    /// The SELECT whose ORDER BY contains the cursor.
    output: Option<Select>,
}

impl Visible {
    fn take(&mut self, place: &scopes::Place<'_>) {
        self.layers = place.layers.to_vec();
        let params = place
            .container
            .iter()
            .flat_map(|binding| binding.params.iter().flatten());
        self.params = params.map(|param| param.name.text.to_string()).collect();
    }
}

impl Observer for Visible {
    fn symbol(&mut self, symbol: &Symbol, place: &scopes::Place<'_>) {
        if symbol.path.first().is_some_and(|name| &*name.text == CURSOR) {
            self.take(place);
        }
    }

    fn source(&mut self, source: &Source, place: &scopes::Place<'_>) {
        if source.path.first().is_some_and(|name| &*name.text == CURSOR) {
            self.take(place);
        }
    }

    fn select(&mut self, select: &Select, _: &Layer, _: &scopes::Place<'_>) {
        if select
            .order_by
            .as_ref()
            .is_some_and(|order| &*order.column.text == CURSOR)
        {
            self.output = Some(select.clone());
        }
    }
}

fn columns(found: &mut Found<'_>, layers: &[Layer]) {
    for layer in layers.iter().rev() {
        let Columns::Known(columns) = &layer.columns else {
            continue;
        };
        for column in columns.iter().filter(|column| column.name != CURSOR) {
            let description = match (column.doc.as_str(), layer.origin.as_str()) {
                ("", "") => "alias".to_owned(),
                ("", origin) => format!("column of {origin}"),
                (doc, _) => doc.to_owned(),
            };
            found.add(
                CandidateKind::Column,
                quoted(&column.name),
                &description,
                &column.doc,
            );
        }
    }
}

/// Proposes parameters, LETs and variables.
fn given(found: &mut Found<'_>, tree: &Tree, visible: &Visible, around: &Surroundings) {
    for name in &visible.params {
        found.add(CandidateKind::Variable, quoted(name), "parameter", "");
    }
    let statements = tree.files(around).flat_map(|file| &file.statements);
    for statement in statements {
        let StatementKind::Let(binding) = &statement.kind else {
            continue;
        };
        let name = &*binding.name.text;
        if !found.begins(name) || name == CURSOR {
            continue;
        }
        let opening = if binding.params.is_some() { "(" } else { "" };
        let printed = describe::shortened(&print_statement(statement));
        found.add(
            CandidateKind::Let,
            format!("{}{opening}", quoted(name)),
            &printed,
            &format!("```vql\n{printed}\n```"),
        );
    }
    for variable in &around.variables {
        let description = match variable.doc.as_str() {
            "" => "variable",
            doc => doc,
        };
        found.add(
            CandidateKind::Variable,
            quoted(&variable.name),
            description,
            &variable.doc,
        );
    }
}

fn callables(found: &mut Found<'_>, place: &Place<'_>, catalogue: &Catalogue) {
    let all = if place.is_source {
        Some((CandidateKind::Plugin, &catalogue.plugins))
    } else {
        // Before anything is typed, hundreds of functions would not help.
        Some((CandidateKind::Function, &catalogue.functions)).filter(|_| !place.word.is_empty())
    };
    if let Some((kind, callables)) = all {
        for (name, callable) in callables.iter().filter(|(_, callable)| !callable.is_missing) {
            if found.begins(name) {
                let doc = describe::callable(name, callable);
                found.add(kind, format!("{name}("), &callable.doc, &doc);
            }
        }
    }
    if !place.word.is_empty() || place.is_source {
        found.add(CandidateKind::Artifact, format!("{ARTIFACT}."), "artifacts", "");
    }
    if !place.word.is_empty() {
        for word in KEYWORDS {
            found.add(
                CandidateKind::Keyword,
                (*word).to_owned(),
                describe::keyword(word),
                describe::keyword(word),
            );
        }
    }
}

fn artifacts(found: &mut Found<'_>, catalogue: &Catalogue) {
    for (name, artifact) in &catalogue.artifacts {
        let text = format!("{ARTIFACT}.{name}(");
        let doc = if found.begins(&text) {
            describe::artifact(name, artifact)
        } else {
            String::new()
        };
        found.add(CandidateKind::Artifact, text, &artifact.doc, &doc);
    }
}

/// Proposes the arguments of the open call.
fn arguments(
    found: &mut Found<'_>,
    (name, is_source): (&str, bool),
    tree: &Tree,
    around: &Surroundings,
    catalogue: &Catalogue,
) {
    for argument in parameters(name, is_source, tree.files(around), catalogue) {
        let doc = describe::argument(&argument);
        let description = match argument.type_name.as_str() {
            "" => argument.doc.clone(),
            kind => format!("{kind}: {}", argument.doc),
        };
        found.add(
            CandidateKind::Argument,
            format!("{}=", quoted(&argument.name)),
            &description,
            &doc,
        );
    }
}

/// The arguments of the callee with this name.
pub(crate) fn parameters<'a>(
    name: &str,
    is_source: bool,
    files: impl IntoIterator<Item = &'a File>,
    catalogue: &Catalogue,
) -> Vec<Argument> {
    if let Some(artifact) = name.strip_prefix("Artifact.") {
        let known = catalogue.artifacts.get(artifact);
        let options = calls::CALL_OPTIONS.iter().map(|name| describe::call_option(name));
        return known
            .map(|artifact| artifact.parameters.iter().cloned().chain(options).collect())
            .unwrap_or_default();
    }
    let callable: Option<&Callable> = if is_source {
        catalogue.plugins.get(name)
    } else {
        catalogue.functions.get(name)
    };
    if let Some(callable) = callable {
        return callable.args.clone();
    }
    let bindings =
        files
            .into_iter()
            .flat_map(|file| &file.statements)
            .filter_map(|statement| match &statement.kind {
                StatementKind::Let(binding) if *binding.name.text == *name => Some(binding),
                _ => None,
            });
    let params = bindings.last().and_then(|binding| binding.params.as_ref());
    let params = params.into_iter().flatten().map(|param| Argument {
        name: param.name.text.to_string(),
        required: param.default.is_none(),
        ..Argument::default()
    });
    params.collect()
}

/// A name as it is written in VQL.
pub(crate) fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !is_reserved(name);
    if is_plain {
        name.to_owned()
    } else {
        format!("`{name}`")
    }
}

/// True for words that need backticks as names.
pub(crate) fn is_reserved(word: &str) -> bool {
    // These two have a meaning only together with BY.
    let is_free = ["GROUP", "ORDER", "BY"]
        .iter()
        .any(|free| free.eq_ignore_ascii_case(word));
    !is_free && KEYWORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}
