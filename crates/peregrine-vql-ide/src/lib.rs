//! What an author of VQL wants to know before a query runs: static checks over the syntax tree.
//!
//! What can be called is behind [`Catalogue`]; nothing here evaluates or knows a function by name.
#![forbid(unsafe_code)]

mod bindings;
mod calls;
mod catalogue;
pub mod code;
mod constant;
mod names;
mod suggest;
mod walk;

pub use catalogue::{Argument, Callable, Catalogue};

use peregrine_vql::diagnostic::locate;
use peregrine_vql::{Diagnostic, Severity, parse_recovering};

/// Checks a query text. Findings of the parser come along; a text with syntax errors is checked as far as it was
/// understood.
#[must_use]
pub fn lint(text: &str, catalogue: &dyn Catalogue) -> Vec<Diagnostic> {
    let (file, mut findings) = parse_recovering(text);
    let names = names::Names::of(&file);
    calls::check(&file, &names, catalogue, &mut findings);
    // Half a text may use what its other half defines.
    if !findings.iter().any(is_syntax_error) {
        bindings::check(&file, catalogue, &mut findings);
    }
    for finding in &mut findings {
        (finding.line, finding.column) = locate(text, finding.span.start);
    }
    findings.sort_by_key(|finding| (finding.span.start, finding.code));
    findings
}

fn is_syntax_error(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error && finding.code < code::UNKNOWN_FUNCTION
}
