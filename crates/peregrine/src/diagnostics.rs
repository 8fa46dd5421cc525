//! Findings about texts, for people and for programs. Every verb that shows findings does so through this
//! module.

use peregrine_engine::Program;
use peregrine_vql::diagnostic::locate;
use peregrine_vql::{Diagnostic, Severity};
use serde_json::{Value, json};
use std::fmt;

/// A text that cannot be parsed, and the findings.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The name of the text: a file, or which query it is.
    name: String,
    text: String,
    findings: Vec<Diagnostic>,
}

impl Refused {
    pub(crate) fn new(name: &str, text: &str, findings: Vec<Diagnostic>) -> Refused {
        Refused {
            name: name.to_owned(),
            text: text.to_owned(),
            findings,
        }
    }

    /// The findings with the lines they refer to.
    pub(crate) fn render(&self) -> String {
        render("", &self.text, &self.findings)
    }

    /// One object per finding.
    pub(crate) fn to_json(&self) -> impl Iterator<Item = Value> {
        self.findings
            .iter()
            .map(|finding| to_json(&self.name, &self.text, finding))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} can not be parsed\n{}", self.name, self.render().trim_end())
    }
}

impl std::error::Error for Refused {}

/// Parses and compiles a text called `name`.
pub(crate) fn compile(name: &str, text: &str) -> Result<Program, Refused> {
    Program::compile(text).map_err(|findings| Refused::new(name, text, findings))
}

/// The findings about a text, each preceded by `prefix` and followed by its lines.
pub(crate) fn render(prefix: &str, text: &str, findings: &[Diagnostic]) -> String {
    let rendered: Vec<String> = findings
        .iter()
        .map(|finding| format!("{prefix}{}", finding.render(text)))
        .collect();
    rendered.join("\n")
}

/// A finding for programs. Offsets are in bytes; lines and columns count from 1.
pub(crate) fn to_json(name: &str, text: &str, finding: &Diagnostic) -> Value {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let labels = finding.labels.iter().map(|(span, label)| {
        let (line, column) = locate(text, span.start);
        json!({ "message": label, "line": line, "column": column, "start": span.start, "end": span.end })
    });
    json!({
        "file": name, "code": finding.code, "severity": severity, "message": finding.message,
        "line": finding.line, "column": finding.column, "start": finding.span.start, "end": finding.span.end,
        "labels": labels.collect::<Vec<_>>(), "help": finding.help,
    })
}
