//! Checks every call against its callee.

use crate::catalogue::{Argument, Callable, Catalogue};
use crate::names::Names;
use crate::surroundings::Surroundings;
use crate::{ARTIFACT, MAX_FINDINGS, code, constant};
use peregrine_base::suggest::did_you_mean;
use peregrine_vql::ast::visit::{Visit, visit_source, visit_symbol};
use peregrine_vql::ast::{Arg, ArgValue, File, List, Name, Source, Span, Symbol};
use peregrine_vql::{Diagnostic, Severity};

/// Maximum number of LETs that are considered for a suggestion.
const MAX_NEAR: usize = 1000;
/// Arguments that any artifact accepts besides its parameters.
pub(crate) const CALL_OPTIONS: &[&str] = &["source", "preconditions"];

pub(crate) fn check(
    file: &File,
    names: &Names,
    around: &Surroundings,
    catalogue: &Catalogue,
    findings: &mut Vec<Diagnostic>,
) {
    let mut checker = Checker {
        names,
        lacks_texts: around.lacks_texts,
        catalogue,
        findings,
    };
    for statement in &file.statements {
        checker.visit_statement(statement);
    }
}

struct Checker<'a> {
    names: &'a Names,
    /// There may be LETs in texts we do not have.
    lacks_texts: bool,
    catalogue: &'a Catalogue,
    findings: &'a mut Vec<Diagnostic>,
}

impl<'t> Visit<'t> for Checker<'_> {
    fn visit_source(&mut self, source: &'t Source) {
        self.source(source);
        visit_source(self, source);
    }

    fn visit_symbol(&mut self, symbol: &'t Symbol) {
        self.symbol(symbol);
        visit_symbol(self, symbol);
    }
}

impl Checker<'_> {
    fn source(&mut self, source: &Source) {
        let [name] = source.path.as_slice() else {
            return self.artifact_call(&source.path, source.args.as_deref());
        };
        match (&source.args, self.catalogue.plugins.get(&*name.text)) {
            (Some(args), Some(callable)) => self.call("plugin", name, callable, args),
            (None, Some(_)) if !self.names.has(&name.text) => {
                let message = format!("`{}` is a plugin, and is not called", name.text);
                let help = format!("write `{}()`", name.text);
                self.error(code::UNKNOWN_PLUGIN, name.span, message, Some(help));
            }
            (Some(args), None) if self.names.has(&name.text) => self.let_call(name, args),
            (Some(_), None) => self.unknown_plugin(name),
            // Possibly a variable of the environment.
            (None, _) => {}
        }
    }

    fn symbol(&mut self, symbol: &Symbol) {
        let ([name], Some(args)) = (symbol.path.as_slice(), &symbol.args) else {
            return self.artifact_call(&symbol.path, symbol.args.as_deref());
        };
        match self.catalogue.functions.get(&*name.text) {
            Some(callable) => self.call("function", name, callable, args),
            None if self.names.has(&name.text) => self.let_call(name, args),
            None => self.unknown_function(name),
        }
    }

    fn unknown_function(&mut self, name: &Name) {
        if self.is_full() || self.lacks_texts {
            return;
        }
        let help = if self.catalogue.plugins.contains_key(&*name.text) {
            Some(format!(
                "there is a plugin of this name: `SELECT * FROM {}()`",
                name.text
            ))
        } else {
            let lets = self.names.lets.keys().take(MAX_NEAR).map(String::as_str);
            did_you_mean(&name.text, lets.chain(self.catalogue.function_names()))
        };
        let message = format!("unknown function `{}`", name.text);
        self.error(code::UNKNOWN_FUNCTION, name.span, message, help);
    }

    fn unknown_plugin(&mut self, name: &Name) {
        if self.is_full() || self.lacks_texts {
            return;
        }
        let help = if self.catalogue.functions.contains_key(&*name.text) {
            Some(format!(
                "there is a function of this name: `SELECT {}() FROM scope()`",
                name.text
            ))
        } else {
            let lets = self.names.lets.keys().take(MAX_NEAR).map(String::as_str);
            did_you_mean(&name.text, lets.chain(self.catalogue.plugin_names()))
        };
        let message = format!("unknown plugin `{}`", name.text);
        self.error(code::UNKNOWN_PLUGIN, name.span, message, help);
    }

    fn call(&mut self, kind: &str, name: &Name, callable: &Callable, args: &[Arg]) {
        if callable.is_missing {
            let message = format!("the {kind} `{}` is not in this version of Peregrine", name.text);
            self.report(Severity::Warning, code::NOT_IMPLEMENTED, name.span, message, None);
        }
        self.check_args(name, &callable.args, callable.free_form, args);
    }

    fn let_call(&mut self, name: &Name, args: &[Arg]) {
        let Some(Some(params)) = self.names.lets.get(&*name.text) else {
            return;
        };
        let wanted: Vec<Argument> = params
            .iter()
            .map(|(name, required)| Argument {
                name: name.clone(),
                required: *required,
                ..Argument::default()
            })
            .collect();
        self.check_args(name, &wanted, false, args);
    }

    fn check_args(&mut self, name: &Name, wanted: &[Argument], free_form: bool, args: &[Arg]) {
        // `**=dict` adds names we cannot see.
        if args.iter().any(|arg| &*arg.name.text == "**") {
            return;
        }
        for (position, arg) in args.iter().enumerate() {
            let Some(known) = wanted.iter().find(|known| *known.name == *arg.name.text) else {
                if !free_form {
                    self.unknown_argument(name, wanted, arg);
                }
                continue;
            };
            if args[..position]
                .iter()
                .any(|earlier| earlier.name.text == arg.name.text)
            {
                let message = format!("`{}` is given twice; the last one counts", arg.name.text);
                self.report(
                    Severity::Warning,
                    code::REPEATED_ARGUMENT,
                    arg.name.span,
                    message,
                    None,
                );
            }
            let complain = self.catalogue.regex_complaint;
            if let Some(complaint) = constant::complaint(known, &arg.value, complain) {
                let message = format!("`{}` of `{}`: {}", arg.name.text, name.text, complaint.text);
                self.report(
                    complaint.severity,
                    code::WRONG_TYPE,
                    value_span(arg),
                    message,
                    None,
                );
            }
        }
        let is_missing =
            |known: &&Argument| known.required && args.iter().all(|arg| *arg.name.text != *known.name);
        for missing in wanted.iter().filter(is_missing) {
            let message = format!("`{}` lacks the argument `{}`", name.text, missing.name);
            self.error(code::MISSING_ARGUMENT, name.span, message, None);
        }
    }

    fn unknown_argument(&mut self, name: &Name, wanted: &[Argument], arg: &Arg) {
        if self.is_full() {
            return;
        }
        let known: Vec<&str> = wanted.iter().map(|known| known.name.as_str()).collect();
        let help = did_you_mean(&arg.name.text, known.iter().copied()).unwrap_or_else(|| {
            if known.is_empty() {
                "it takes no arguments".to_owned()
            } else {
                format!("it takes {}", known.join(", "))
            }
        });
        let message = format!("`{}` has no argument `{}`", name.text, arg.name.text);
        self.error(code::UNKNOWN_ARGUMENT, arg.name.span, message, Some(help));
    }

    /// `Artifact.Some.Name(…)`, in either place.
    fn artifact_call(&mut self, path: &[Name], args: Option<&[Arg]>) {
        let ([first, rest @ ..], Some(args)) = (path, args) else {
            return;
        };
        let is_artifact = &*first.text == ARTIFACT && !rest.is_empty() && !self.names.has(ARTIFACT);
        if !is_artifact || self.catalogue.artifacts.is_empty() || self.is_full() {
            return;
        }
        let name = dotted(rest);
        let span = Span {
            start: rest[0].span.start,
            end: rest[rest.len() - 1].span.end,
        };
        let Some(artifact) = self.catalogue.artifacts.get(&name) else {
            let help = did_you_mean(&name, self.catalogue.artifacts.keys().map(String::as_str));
            let message = format!("artifact `{name}` not found");
            return self.error(code::UNKNOWN_ARTIFACT, span, message, help);
        };
        if args.iter().any(|arg| &*arg.name.text == "**") {
            return;
        }
        let parameters = || {
            artifact
                .parameters
                .iter()
                .map(|parameter| parameter.name.as_str())
        };
        let known = || parameters().chain(CALL_OPTIONS.iter().copied());
        for arg in args
            .iter()
            .filter(|arg| known().all(|known| known != &*arg.name.text))
        {
            let help = did_you_mean(&arg.name.text, known()).unwrap_or_else(|| {
                let all: Vec<&str> = parameters().collect();
                match all.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("it has {}", all.join(", ")),
                }
            });
            let message = format!("artifact `{name}` has no parameter `{}`", arg.name.text);
            self.error(code::UNKNOWN_PARAMETER, arg.name.span, message, Some(help));
        }
    }

    /// More findings do not help, and searching for suggestions takes time.
    fn is_full(&self) -> bool {
        self.findings.len() >= MAX_FINDINGS
    }

    fn error(&mut self, code: &'static str, span: Span, message: String, help: Option<String>) {
        self.report(Severity::Error, code, span, message, help);
    }

    fn report(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Span,
        message: String,
        help: Option<String>,
    ) {
        if !self.is_full() {
            self.findings.push(finding(severity, code, span, message, help));
        }
    }
}

/// A finding whose line and column are filled in later.
pub(crate) fn finding(
    severity: Severity,
    code: &'static str,
    span: Span,
    message: String,
    help: Option<String>,
) -> Diagnostic {
    Diagnostic {
        code,
        severity,
        message,
        span,
        line: 1,
        column: 1,
        labels: Vec::new(),
        help,
    }
}

/// Joins parts to `Some.Name`.
pub(crate) fn dotted(path: &[Name]) -> String {
    let parts: Vec<&str> = path.iter().map(|name| &*name.text).collect();
    parts.join(".")
}

fn value_span(arg: &Arg) -> Span {
    match &arg.value {
        ArgValue::Query(query) => query.span,
        ArgValue::Array(Some(List { span, .. })) => *span,
        ArgValue::Array(None) => arg.name.span,
        ArgValue::Expr(value) => value.span,
    }
}
