//! Every call, held against what it calls.

use crate::catalogue::{Argument, Callable, Catalogue};
use crate::names::Names;
use crate::suggest::did_you_mean;
use crate::walk::{self, Visitor};
use crate::{code, constant};
use peregrine_vql::ast::{Arg, ArgValue, File, List, Name, Source, Span, Symbol};
use peregrine_vql::{Diagnostic, Severity};

pub(crate) fn check(file: &File, names: &Names, catalogue: &dyn Catalogue, findings: &mut Vec<Diagnostic>) {
    let mut checker = Checker {
        names,
        catalogue,
        findings,
    };
    for statement in &file.statements {
        walk::statement(&mut checker, statement);
    }
}

struct Checker<'a> {
    names: &'a Names,
    catalogue: &'a dyn Catalogue,
    findings: &'a mut Vec<Diagnostic>,
}

impl Visitor for Checker<'_> {
    fn source(&mut self, source: &Source) {
        let [name] = source.path.as_slice() else { return };
        match (&source.args, self.catalogue.plugin(&name.text)) {
            (Some(args), Some(callable)) => self.call("plugin", name, &callable, args),
            (None, Some(_)) if !self.names.has(&name.text) => {
                let message = format!("`{}` is a plugin, and is not called", name.text);
                let help = format!("write `{}()`", name.text);
                self.error(code::UNKNOWN_PLUGIN, name.span, message, Some(help));
            }
            (Some(args), None) if self.names.has(&name.text) => self.let_call(name, args),
            (Some(_), None) => self.unknown_plugin(name),
            // A variable of the environment, perhaps.
            (None, _) => {}
        }
    }

    fn symbol(&mut self, symbol: &Symbol) {
        let ([name], Some(args)) = (symbol.path.as_slice(), &symbol.args) else {
            return;
        };
        match self.catalogue.function(&name.text) {
            Some(callable) => self.call("function", name, &callable, args),
            None if self.names.has(&name.text) => self.let_call(name, args),
            None => self.unknown_function(name),
        }
    }
}

impl Checker<'_> {
    fn unknown_function(&mut self, name: &Name) {
        let help = if self.catalogue.plugin(&name.text).is_some() {
            Some(format!(
                "there is a plugin of this name: `SELECT * FROM {}()`",
                name.text
            ))
        } else {
            let known = self.catalogue.function_names();
            did_you_mean(
                &name.text,
                self.names.lets.keys().chain(&known).map(String::as_str),
            )
        };
        let message = format!("unknown function `{}`", name.text);
        self.error(code::UNKNOWN_FUNCTION, name.span, message, help);
    }

    fn unknown_plugin(&mut self, name: &Name) {
        let help = if self.catalogue.function(&name.text).is_some() {
            Some(format!(
                "there is a function of this name: `SELECT {}() FROM scope()`",
                name.text
            ))
        } else {
            let known = self.catalogue.plugin_names();
            did_you_mean(
                &name.text,
                self.names.lets.keys().chain(&known).map(String::as_str),
            )
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
                type_name: String::new(),
                required: *required,
            })
            .collect();
        self.check_args(name, &wanted, false, args);
    }

    fn check_args(&mut self, name: &Name, wanted: &[Argument], free_form: bool, args: &[Arg]) {
        // `**=dict` brings names we cannot see.
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
            if let Some(complaint) = constant::complaint(&known.type_name, &arg.value) {
                let message = format!("`{}` of `{}`: {complaint}", arg.name.text, name.text);
                let span = value_span(arg);
                self.error(code::WRONG_TYPE, span, message, None);
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
        self.findings.push(finding(severity, code, span, message, help));
    }
}

/// A finding whose line and column are filled in at the end.
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

fn value_span(arg: &Arg) -> Span {
    match &arg.value {
        ArgValue::Query(query) => query.span,
        ArgValue::Array(Some(List { span, .. })) => *span,
        ArgValue::Array(None) => arg.name.span,
        ArgValue::Expr(value) => value.span,
    }
}
