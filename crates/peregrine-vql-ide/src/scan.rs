//! A quick scan of a text while it is typed: words, strings, comments, and whether it is complete. The parser
//! determines what it means.

use peregrine_vql::Diagnostic;
use peregrine_vql::ast::StatementKind;
use peregrine_vql::diagnostic::code;
use std::ops::Range;

/// The kind of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// One of [`KEYWORDS`].
    Keyword,
    /// A name, possibly dotted or in backticks.
    Word,
    Number,
    /// A string, possibly unclosed.
    Text,
    /// A comment, possibly unclosed.
    Comment,
    /// Any other character.
    Other,
}

/// The keywords.
pub const KEYWORDS: &[&str] = &[
    "SELECT", "FROM", "WHERE", "LET", "GROUP", "ORDER", "BY", "DESC", "LIMIT", "AS", "AND", "OR", "NOT",
    "IN", "NULL", "TRUE", "FALSE", "EXPLAIN",
];

/// The pieces of a text, in order and without gaps.
pub fn pieces(text: &str) -> impl Iterator<Item = (Piece, Range<usize>)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let (piece, length) = first_piece(rest);
        let range = at..at + length;
        at += length;
        Some((piece, range))
    })
}

/// The kind of the first piece, and its length in bytes, at least one character.
fn first_piece(rest: &str) -> (Piece, usize) {
    let first = rest.chars().next().unwrap_or(' ');
    let until = |end: &str, from: usize| {
        let found = rest.get(from..).and_then(|tail| tail.find(end));
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("--") || rest.starts_with("//") {
        (Piece::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Piece::Comment, until("*/", 2))
    } else if rest.starts_with("'''") {
        (Piece::Text, until("'''", 3))
    } else if first == '\'' || first == '"' {
        (Piece::Text, quoted(rest, first))
    } else if first == '`' {
        (Piece::Word, until("`", 1))
    } else if first.is_ascii_digit() {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.';
        (Piece::Number, rest.find(|c| !is_part(c)).unwrap_or(rest.len()))
    } else if first.is_alphabetic() || first == '_' || first == '$' {
        let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()).max(1);
        let word = rest.get(..length).unwrap_or_default();
        let is_keyword = KEYWORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
        (if is_keyword { Piece::Keyword } else { Piece::Word }, length)
    } else {
        (Piece::Other, first.len_utf8())
    }
}

/// The length up to the closing quote; a backslash escapes the next character.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// True for characters of names; dots keep `Artifact.Linux` in one piece.
#[must_use]
pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$')
}

/// True when the text is valid so far, but incomplete.
#[must_use]
pub fn is_unfinished(text: &str) -> bool {
    let trimmed = text.trim_end();
    if trimmed.trim_start().is_empty() || trimmed.trim_start().starts_with('\\') {
        return false;
    }
    let is_at_end =
        |problem: &Diagnostic| problem.code == code::UNCLOSED || problem.span.start as usize >= trimmed.len();
    peregrine_vql::parse(trimmed).is_err_and(|problems| problems.first().is_some_and(is_at_end))
}

/// True for a line that can only start a new statement.
#[must_use]
pub fn begins_statement(line: &str) -> bool {
    let word = line
        .split(|c: char| !c.is_alphabetic())
        .next()
        .unwrap_or_default();
    line.starts_with('\\')
        || ["SELECT", "LET", "EXPLAIN"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(word))
}

/// The names that a text binds.
#[must_use]
pub fn let_names(text: &str) -> Vec<String> {
    let Ok(file) = peregrine_vql::parse(text) else {
        return Vec::new();
    };
    file.statements
        .iter()
        .filter_map(|statement| match &statement.kind {
            StatementKind::Let(binding) => Some(binding.name.text.to_string()),
            StatementKind::Select(_) => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Piece, is_unfinished, pieces};

    #[test]
    fn pieces_cover_the_text() {
        let text = "SELECT 'a\\'b', 0x1f /* ü */ FROM Artifact.X(`y z`=\"q\") -- end";
        let found: Vec<_> = pieces(text).collect();
        let joined: String = found.iter().map(|(_, range)| &text[range.clone()]).collect();
        assert_eq!(joined, text);
        let of = |piece: Piece| -> Vec<&str> {
            let wanted = found.iter().filter(|(known, _)| *known == piece);
            wanted.map(|(_, range)| &text[range.clone()]).collect()
        };
        assert_eq!(of(Piece::Keyword), ["SELECT", "FROM"]);
        assert_eq!(of(Piece::Text), ["'a\\'b'", "\"q\""]);
        assert_eq!(of(Piece::Word), ["Artifact.X", "`y z`"]);
        assert_eq!(of(Piece::Comment), ["/* ü */", "-- end"]);
        for open in ["'", "'''x", "/*", "`", "\"\\", "é", "\u{1F600}"] {
            assert_eq!(pieces(open).last().map(|(_, range)| range.end), Some(open.len()));
        }
    }

    #[test]
    fn a_statement_is_whole_when_it_parses() {
        for unfinished in [
            "SELECT",
            "SELECT * FROM",
            "LET x =",
            "SELECT f(a='x",
            "SELECT * FROM foreach(row={",
        ] {
            assert!(is_unfinished(unfinished), "{unfinished}");
        }
        for whole in [
            "",
            "SELECT * FROM info()",
            "LET x = 1",
            "SELECT ) FROM x",
            "\\d pslist",
        ] {
            assert!(!is_unfinished(whole), "{whole}");
        }
    }
}
