//! Support for authors of VQL: static checks of the syntax tree, and features for editors.
//!
//! The callable names are data ([`Catalogue`]), as are the names that a text gets from outside
//! ([`Surroundings`]); nothing here evaluates, depends on a specific function, or knows an editor protocol.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml

mod bindings;
mod calls;
mod catalogue;
pub mod code;
mod columns;
mod complete;
mod constant;
mod describe;
mod hover;
mod names;
mod occurrences;
mod place;
mod rename;
pub mod scan;
mod scopes;
mod signature;
mod surroundings;
mod symbols;
mod tokens;

pub use catalogue::{Argument, Artifact, Callable, Catalogue, Column, Pushed, Rows};
pub use complete::{Candidate, CandidateKind, complete};
pub use hover::hover;
pub use occurrences::{Occurrence, What, let_definition, occurrence_at};
pub use rename::{refusal, rename};
pub use signature::{Signature, signature};
pub use surroundings::Surroundings;
pub use tokens::{Token, tokens};

use peregrine_vql::diagnostic::locate;
use peregrine_vql::{Diagnostic, Severity, parse_recovering};

/// Maximum number of findings of one kind: more do not help, and searching for suggestions takes time.
const MAX_FINDINGS: usize = 200;

/// The variable whose members are artifacts.
pub const ARTIFACT: &str = "Artifact";

/// Checks a query text. The result includes the findings of the parser; a text with syntax errors is checked
/// as far as it was understood.
#[must_use]
pub fn lint(text: &str, around: &Surroundings, catalogue: &Catalogue) -> Vec<Diagnostic> {
    let (file, mut findings) = parse_recovering(text);
    let files = || around.before.iter().chain([&file]);
    let names = names::Names::of(files());
    calls::check(&file, &names, around, catalogue, &mut findings);
    // One half of a text may use what the other half defines.
    if !findings.iter().any(is_syntax_error) {
        bindings::check(&file, around, catalogue, &mut findings);
        let inference = columns::Inference::new(files(), &names, catalogue);
        symbols::check(&file, &names, &inference, around, catalogue, &mut findings);
    }
    findings.sort_by_key(|finding| (finding.span.start, finding.code));
    let mut lines = Lines::default();
    for finding in &mut findings {
        (finding.line, finding.column) = lines.locate(text, finding.span.start);
    }
    findings
}

fn is_syntax_error(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error && finding.code < code::UNKNOWN_FUNCTION
}

/// Lines and columns of ascending offsets, without counting from the beginning each time.
#[derive(Default)]
struct Lines {
    /// The start of a line, and its number minus one.
    known: (u32, u32),
}

impl Lines {
    fn locate(&mut self, text: &str, offset: u32) -> (u32, u32) {
        let (start, number) = self.known;
        let Some(rest) = text.get(start as usize..) else {
            return locate(text, offset);
        };
        let (line, column) = locate(rest, offset.saturating_sub(start));
        let before = rest.get(..offset.saturating_sub(start) as usize).unwrap_or(rest);
        if let Some(newline) = before.rfind('\n') {
            let past = u32::try_from(newline + 1).unwrap_or(u32::MAX);
            self.known = (start.saturating_add(past), number + line - 1);
        }
        (number + line, column)
    }
}
