//! Semantic tokens: the kind of each word of the VQL in a text.

use super::Answer;
use super::workspace::{Workspace, number};
use crate::ide::lines::Encoding;
use gen_lsp_types as lsp;
use peregrine_vql_ide::Token;

/// The token types we send, in the order of their numbers.
const KINDS: &[(Token, &str)] = &[
    (Token::Keyword, "keyword"),
    (Token::Function, "function"),
    (Token::Plugin, "class"),
    (Token::Argument, "parameter"),
    (Token::Artifact, "namespace"),
    (Token::Variable, "variable"),
    (Token::Text, "string"),
    (Token::Number, "number"),
    (Token::Comment, "comment"),
    (Token::Operator, "operator"),
];

/// The meaning of the numbers.
pub(super) fn legend() -> lsp::SemanticTokensLegend {
    lsp::SemanticTokensLegend {
        token_types: KINDS.iter().map(|(_, name)| (*name).to_owned()).collect(),
        token_modifiers: vec!["declaration".to_owned()],
    }
}

pub(super) fn tokens(
    workspace: &Workspace,
    params: lsp::SemanticTokensParams,
) -> Answer<Option<lsp::SemanticTokens>> {
    let Some(text) = workspace.text(&params.text_document.uri) else {
        return Ok(None);
    };
    let mut writer = Writer {
        text: &text.document.text,
        encoding: workspace.encoding,
        at: 0,
        line: 0,
        column: 0,
        last: (0, 0),
        data: Vec::new(),
    };
    for region in &text.document.regions {
        for (token, range) in peregrine_vql_ide::tokens(&region.text, &workspace.catalogue) {
            // A token must not span lines.
            let mut start = range.start;
            for line in region.text.get(range).unwrap_or_default().split_inclusive('\n') {
                let shown = line.trim_end_matches(['\n', '\r']);
                let from = region.to_file(start);
                writer.push(token, from, from + shown.len());
                start += line.len();
            }
        }
    }
    Ok(Some(lsp::SemanticTokens {
        result_id: None,
        data: writer.data,
    }))
}

/// Goes through the text once, because tokens come in order.
struct Writer<'a> {
    text: &'a str,
    encoding: Encoding,
    at: usize,
    line: usize,
    column: usize,
    /// Line and column of the last token.
    last: (usize, usize),
    data: Vec<lsp::SemanticToken>,
}

impl Writer<'_> {
    fn push(&mut self, token: Token, start: usize, end: usize) {
        let (Some(between), Some(shown)) = (self.text.get(self.at..start), self.text.get(start..end)) else {
            return;
        };
        if shown.is_empty() {
            return;
        }
        for part in between.split_inclusive(['\n', '\r']) {
            let is_return =
                part.ends_with('\r') && self.text.as_bytes().get(self.at + part.len()) == Some(&b'\n');
            self.at += part.len();
            if part.ends_with(['\n', '\r']) && !is_return {
                (self.line, self.column) = (self.line + 1, 0);
            } else {
                self.column += self.encoding.width(part);
            }
        }
        let length = self.encoding.width(shown);
        let (line, column) = self.last;
        let delta_line = self.line - line;
        let delta_start = if delta_line == 0 {
            self.column - column
        } else {
            self.column
        };
        let is_definition = token == Token::Definition;
        let kind = if is_definition { Token::Variable } else { token };
        let Some(kind) = KINDS.iter().position(|(known, _)| *known == kind) else {
            return;
        };
        self.data.push(lsp::SemanticToken {
            delta_line: number(delta_line),
            delta_start: number(delta_start),
            length: number(length),
            token_type: number(kind),
            token_modifiers_bitset: u32::from(is_definition),
        });
        self.last = (self.line, self.column);
    }
}
