//! Findings about texts, for people and for programs. Every verb that shows one shows it through here.

use peregrine_vql::{Diagnostic, Severity};
use serde_json::{Value, json};

/// The findings about a text called `name`, each with the lines it is about.
pub(crate) fn render(name: &str, text: &str, findings: &[Diagnostic]) -> String {
    let rendered: Vec<String> = findings
        .iter()
        .map(|finding| format!("{name}: {}", finding.render(text)))
        .collect();
    rendered.join("\n")
}

/// A finding for programs. Offsets are bytes, lines and columns count from 1.
pub(crate) fn to_json(name: &str, text: &str, finding: &Diagnostic) -> Value {
    let labels = finding.labels.iter().map(|(span, label)| {
        let (line, column) = peregrine_vql::diagnostic::locate(text, span.start);
        json!({ "message": label, "line": line, "column": column, "start": span.start, "end": span.end })
    });
    json!({
        "file": name, "code": finding.code, "severity": severity(finding.severity), "message": finding.message,
        "line": finding.line, "column": finding.column, "start": finding.span.start, "end": finding.span.end,
        "labels": labels.collect::<Vec<_>>(), "help": finding.help,
    })
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
