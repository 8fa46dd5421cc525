//! Findings about a text, in the form of the protocol.

use super::workspace::Workspace;
use gen_lsp_types as lsp;
use peregrine_vql::Severity;
use peregrine_vql::ast::Span;

/// The findings about a text; none if it is closed.
pub(super) fn diagnostics(workspace: &Workspace, uri: &lsp::Uri) -> lsp::PublishDiagnosticsParams {
    let Some(text) = workspace.text(uri) else {
        return lsp::PublishDiagnosticsParams {
            uri: uri.clone(),
            version: None,
            diagnostics: Vec::new(),
        };
    };
    let range = |span: Span| workspace.range(text, span.start as usize, span.end as usize);
    let findings = text.document.findings(&workspace.catalogue);
    let diagnostics = findings.into_iter().map(|finding| {
        let related = finding
            .labels
            .iter()
            .map(|(span, message)| lsp::DiagnosticRelatedInformation {
                location: lsp::Location {
                    uri: uri.clone(),
                    range: range(*span),
                },
                message: message.clone(),
            });
        let related: Vec<_> = related.collect();
        let message = match &finding.help {
            Some(help) => format!("{}\n{help}", finding.message),
            None => finding.message.clone(),
        };
        lsp::Diagnostic {
            range: range(finding.span),
            severity: Some(match finding.severity {
                Severity::Error => lsp::DiagnosticSeverity::Error,
                Severity::Warning => lsp::DiagnosticSeverity::Warning,
            }),
            code: Some(lsp::Code::String(finding.code.to_owned())),
            code_description: None,
            source: Some("peregrine".to_owned()),
            message: lsp::Message::String(message),
            tags: None,
            related_information: Some(related).filter(|related| !related.is_empty()),
            data: None,
        }
    });
    lsp::PublishDiagnosticsParams {
        uri: uri.clone(),
        version: Some(text.version),
        diagnostics: diagnostics.collect(),
    }
}
