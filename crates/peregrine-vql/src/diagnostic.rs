//! Diagnostics: what is wrong with a text, where, and how to fix it.

use std::fmt;

use crate::ast::Span;

/// The codes, one for each kind of problem. They are stable; the wording of messages is not.
pub mod code {
    /// The bytes are not UTF-8.
    pub const ENCODING: &str = "V001";
    /// The text or its number of tokens is beyond the limit.
    pub const TOO_LARGE: &str = "V002";
    /// A character that cannot start a token.
    pub const CHARACTER: &str = "V003";
    /// An unclosed string, name or comment.
    pub const UNCLOSED: &str = "V004";
    /// Two backticks with nothing between them.
    pub const EMPTY_NAME: &str = "V005";
    /// A token that does not fit here.
    pub const UNEXPECTED: &str = "V010";
    /// A text without any statement.
    pub const EMPTY: &str = "V011";
    /// Nested deeper than the limit.
    pub const TOO_DEEP: &str = "V012";
    /// A `LIMIT` that is not an integer.
    pub const LIMIT: &str = "V013";
    /// A comment at a place where the formatter cannot keep it.
    pub const COMMENT: &str = "V020";
    /// The formatter would have changed the meaning.
    pub const UNFAITHFUL: &str = "V021";
    /// Accepted by the language, but part of the text has no effect.
    pub const NO_EFFECT: &str = "V030";
}

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The text is refused.
    Error,
    /// The text runs, but probably does not do what it appears to.
    Warning,
}

/// One finding about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// One of [`code`].
    pub code: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, on one line.
    pub message: String,
    /// Where, in bytes of the text.
    pub span: Span,
    /// Line of the start of the span, from 1.
    pub line: u32,
    /// Column of the start of the span in characters, from 1.
    pub column: u32,
    /// Related places, each with a note.
    pub labels: Vec<(Span, String)>,
    /// How to fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    pub(crate) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            severity: Severity::Error,
            message,
            span,
            line: 1,
            column: 1,
            labels: Vec::new(),
            help: None,
        }
    }

    pub(crate) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn with_label(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    /// The finding with the lines it refers to, marked with carets.
    #[must_use]
    pub fn render(&self, source: &str) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut out = format!("{severity}[{}]: {}\n", self.code, self.message);
        let width = self
            .labels
            .iter()
            .map(|(span, _)| locate(source, span.start).0)
            .fold(self.line, u32::max)
            .to_string()
            .len();
        excerpt(&mut out, source, self.span, "", width);
        for (span, label) in &self.labels {
            excerpt(&mut out, source, *span, label, width);
        }
        if let Some(help) = &self.help {
            out.push_str(&format!("{:width$} = help: {help}\n", ""));
        }
        out
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// The line and column of a byte offset, both from 1; columns count characters. Offsets beyond the end mean
/// the end.
#[must_use]
pub fn locate(source: &str, offset: u32) -> (u32, u32) {
    let before = &source[..source.floor_char_boundary(offset as usize)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    (line as u32 + 1, before[line_start..].chars().count() as u32 + 1)
}

/// Sorts the findings by place and fills in their lines and columns.
pub(crate) fn finish(source: &str, diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    for diagnostic in diagnostics {
        (diagnostic.line, diagnostic.column) = locate(source, diagnostic.span.start);
    }
}

/// Longer lines are cut around the place shown.
const MAX_SHOWN: usize = 100;

fn excerpt(out: &mut String, source: &str, span: Span, label: &str, width: usize) {
    let start = source.floor_char_boundary(span.start as usize);
    let end = source.floor_char_boundary(span.end as usize).max(start);
    let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = source[start..]
        .find('\n')
        .map_or(source.len(), |newline| start + newline);
    let (line, column) = locate(source, span.start);

    let shown_start = source.ceil_char_boundary(line_start.max(start.saturating_sub(MAX_SHOWN / 2)));
    let shown_end = source
        .floor_char_boundary(line_end.min(shown_start + MAX_SHOWN))
        .max(start);
    let shown = source[shown_start..shown_end].trim_end();
    let (left, shown) = match shown.chars().next() {
        // In the place of a letter, so that the carets line up.
        Some(first) if shown_start > line_start => ("…", &shown[first.len_utf8()..]),
        _ => ("", shown),
    };
    let right = if shown_end < line_end { "…" } else { "" };
    let marked_end = end.min(shown_end).max(start);

    // Tabs are kept so that the carets line up for any tab width.
    let indent: String = source[shown_start..start]
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let carets = "^".repeat(source[start..marked_end].chars().count().max(1));
    out.push_str(&format!("{:width$}--> {line}:{column}\n", ""));
    out.push_str(&format!("{line:width$} | {left}{shown}{right}\n"));
    out.push_str(format!("{:width$} | {indent}{carets} {label}", "").trim_end());
    out.push('\n');
}
