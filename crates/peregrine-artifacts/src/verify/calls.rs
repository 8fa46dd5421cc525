//! Checks each call in a section against its callee.

use super::catalogue::{Callable, Catalogue};
use super::{Code, Issue};
use crate::model::Artifact;
use crate::repository::Repository;
use crate::section::Section;
use crate::syntax::Statement;
use peregrine_vql::ast::visit::{Visit, visit_let, visit_source, visit_symbol};
use peregrine_vql::ast::{Arg, Let, LetBody, Name, Source, Span, StatementKind, Symbol};
use std::collections::{BTreeMap, BTreeSet};

/// A definition by a LET statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    /// True for a query, false for an expression.
    pub is_query: bool,
    /// Its parameters and whether each has a default; `None` if it takes none.
    pub params: Option<Vec<(String, bool)>>,
}

/// The definitions visible at some place.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions(BTreeMap<String, Definition>);

impl Definitions {
    pub(super) fn collect(&mut self, statements: &[Statement]) {
        for statement in statements {
            let StatementKind::Let(definition) = &statement.tree.kind else {
                continue;
            };
            let params = definition.params.as_ref().map(|params| {
                params
                    .iter()
                    .map(|param| (param.name.text.to_string(), param.default.is_some()))
                    .collect()
            });
            let name = definition.name.text.to_string();
            let is_query = matches!(definition.body, LetBody::Query(_));
            self.0.insert(
                name.clone(),
                Definition {
                    name,
                    is_query,
                    params,
                },
            );
        }
    }

    pub(super) fn extend(&mut self, other: &Definitions) {
        self.0.extend(
            other
                .0
                .iter()
                .map(|(name, definition)| (name.clone(), definition.clone())),
        );
    }

    pub(super) fn into_list(self) -> Vec<Definition> {
        self.0.into_values().collect()
    }
}

/// Walks the trees of one section.
pub(super) struct Checker<'a> {
    artifact: &'a Artifact,
    section: &'a Section,
    repository: &'a Repository,
    catalogue: &'a dyn Catalogue,
    visible: &'a Definitions,
    /// Parameters of the LET function being walked: their values are not known.
    params: BTreeSet<String>,
    pub(super) permissions: BTreeSet<String>,
    pub(super) issues: Vec<Issue>,
}

impl<'t> Visit<'t> for Checker<'_> {
    fn visit_let(&mut self, binding: &'t Let) {
        let params = binding.params.iter().flatten();
        self.params = params.map(|param| param.name.text.to_string()).collect();
        visit_let(self, binding);
        self.params.clear();
    }

    fn visit_source(&mut self, source: &'t Source) {
        if let Some(args) = &source.args {
            self.call(&source.path, args, Place::From);
        }
        visit_source(self, source);
    }

    fn visit_symbol(&mut self, symbol: &'t Symbol) {
        match &symbol.args {
            Some(args) => self.call(&symbol.path, args, Place::Expression),
            None => self.bare_symbol(&symbol.path),
        }
        visit_symbol(self, symbol);
    }
}

/// The place of a call, which decides in which of two name spaces its name is looked up.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    From,
    Expression,
}

impl<'a> Checker<'a> {
    pub(super) fn new(
        artifact: &'a Artifact,
        section: &'a Section,
        repository: &'a Repository,
        catalogue: &'a dyn Catalogue,
        visible: &'a Definitions,
    ) -> Checker<'a> {
        Checker {
            artifact,
            section,
            repository,
            catalogue,
            visible,
            params: BTreeSet::new(),
            permissions: BTreeSet::new(),
            issues: Vec::new(),
        }
    }

    fn bare_symbol(&mut self, path: &[Name]) {
        let [name] = path else { return };
        let text = &*name.text;
        if text == "Artifact" || self.params.contains(text) {
            return;
        }
        let is_let_function = self
            .visible
            .0
            .get(text)
            .is_some_and(|known| known.params.is_some() && !known.is_query);
        if is_let_function || self.catalogue.function(text).is_some() || self.catalogue.plugin(text).is_some()
        {
            let message = format!("`{text}` is also the name of something callable; choose another name");
            self.report(Code::SymbolMaskWarn, name.span, text, message);
        }
    }

    fn call(&mut self, path: &[Name], args: &[Arg], place: Place) {
        let Some(first) = path.first() else { return };
        if &*first.text == "Artifact" && path.len() > 1 {
            return self.artifact_call(path, args);
        }
        if path.len() > 1 || self.params.contains(&*first.text) {
            return;
        }
        let name = &*first.text;
        if let Some(definition) = self.visible.0.get(name).cloned() {
            return self.let_call(first, &definition, args);
        }
        let known = match place {
            Place::From => self.catalogue.plugin(name),
            Place::Expression => self.catalogue.function(name),
        };
        match known {
            Some(callable) => self.builtin_call(first, &callable, args),
            None => {
                let kind = if place == Place::From {
                    "plugin"
                } else {
                    "function"
                };
                let message = format!("unknown {kind} `{name}`; check its spelling or define it with LET");
                self.report(Code::UnknownPlugin, first.span, name, message);
            }
        }
    }

    /// True when `**` provides the arguments: then they are not known here.
    fn is_unpacked(&mut self, name: &str, args: &[Arg]) -> bool {
        let Some(stars) = args.iter().find(|arg| &*arg.name.text == "**") else {
            return false;
        };
        if args.len() > 1 {
            let message = format!("`**` in the call of `{name}` replaces all other arguments; remove them");
            self.report(Code::KwargsMixedCall, stars.name.span, name, message);
        }
        true
    }

    fn builtin_call(&mut self, name: &Name, callable: &Callable, args: &[Arg]) {
        self.permissions.extend(callable.permissions.iter().cloned());
        if self.is_unpacked(&name.text, args) {
            return;
        }
        if !callable.free_form {
            self.check_names(name, &callable.args, args);
        }
        self.check_required(name, &callable.args, args);
    }

    fn let_call(&mut self, name: &Name, definition: &Definition, args: &[Arg]) {
        if self.is_unpacked(&name.text, args) {
            return;
        }
        match &definition.params {
            None if args.is_empty() => {}
            None => {
                let message = format!(
                    "`{}` is defined without parameters but called with some",
                    definition.name
                );
                self.report(Code::CallAsFunction, name.span, &definition.name, message);
            }
            Some(params) => {
                let wanted: Vec<_> = params
                    .iter()
                    .map(|(name, has_default)| (name.clone(), !has_default))
                    .collect();
                self.check_names(name, &wanted, args);
                self.check_required(name, &wanted, args);
            }
        }
    }

    fn check_names(&mut self, name: &Name, wanted: &[(String, bool)], args: &[Arg]) {
        for arg in args {
            if wanted.iter().all(|(known, _)| **known != *arg.name.text) {
                let known = wanted
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                let takes = if known.is_empty() {
                    "no arguments".to_owned()
                } else {
                    known
                };
                let message = format!(
                    "`{}` has no argument `{}`; it takes {takes}",
                    name.text, arg.name.text
                );
                self.report(Code::InvalidArg, arg.name.span, &name.text, message);
            }
        }
    }

    fn check_required(&mut self, name: &Name, wanted: &[(String, bool)], args: &[Arg]) {
        for (missing, _) in wanted.iter().filter(|(_, is_required)| *is_required) {
            if args.iter().all(|arg| *arg.name.text != **missing) {
                let message = format!("call of `{}` lacks the argument `{missing}`", name.text);
                self.report(Code::RequiredArgMissing, name.span, &name.text, message);
            }
        }
    }

    fn artifact_call(&mut self, path: &[Name], args: &[Arg]) {
        let name = path[1..]
            .iter()
            .map(|part| &*part.text)
            .collect::<Vec<_>>()
            .join(".");
        let span = path.first().map(|part| part.span).unwrap_or_default();
        let own = (name == self.artifact.name).then_some(self.artifact);
        let found = self.repository.get(&name);
        let Some(called) = own.or(found.as_deref()) else {
            let message = self.repository.not_found(&name).to_string();
            return self.report(Code::UnknownArtifactInQuery, span, &name, message);
        };
        if self.is_unpacked(&name, args) {
            return;
        }
        for arg in args
            .iter()
            .filter(|arg| !matches!(&*arg.name.text, "source" | "preconditions"))
        {
            if called.parameter(&arg.name.text).is_none() {
                let message = format!("artifact `{name}` has no parameter `{}`", arg.name.text);
                self.report(
                    Code::UnknownParameterInCall,
                    arg.name.span,
                    &arg.name.text,
                    message,
                );
            }
        }
    }

    fn report(&mut self, code: Code, span: Span, subject: &str, message: String) {
        let (line, column) = self.section.position(&self.artifact.raw, span.start as usize);
        self.issues.push(Issue {
            code,
            line,
            column,
            subject: subject.to_owned(),
            message,
        });
    }
}
