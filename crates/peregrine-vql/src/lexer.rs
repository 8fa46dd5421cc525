//! The lexer: text to tokens, in one pass over the bytes.
//!
//! Rules are tried in a fixed order at each position and the first that matches wins, not the longest. This
//! order is why `5-3` is two numbers, why `--` starts a comment in the middle of an expression, and why an
//! unclosed `'''` is read as an empty string first. There is one exception: a minus between a name or a
//! closing bracket and a value, without blanks on either side, subtracts, because older queries use it so
//! (`X-Y`).

use crate::ast::{CommentKind, Span};
use crate::diagnostic::{Diagnostic, code};
use crate::token::{CommentToken, Token, TokenKind};

/// Longer texts are refused; the largest published queries embed a few megabytes of data.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// Texts with more tokens are refused, which bounds the memory of the tree.
pub const MAX_TOKENS: usize = 1_000_000;

/// Further diagnostics are not collected.
pub(crate) const MAX_DIAGNOSTICS: usize = 50;

/// The outcome of lexing: `tokens` always ends in exactly one `End`.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) comments: Vec<CommentToken>,
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Splits a text into tokens and comments. Errors become `Error` tokens and diagnostics.
pub(crate) fn lex(text: &str) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        out: Lexed::default(),
    };
    if text.len() > MAX_TEXT_BYTES {
        let message = format!(
            "the text has {} bytes, more than the {MAX_TEXT_BYTES} allowed",
            text.len()
        );
        lexer.report(Diagnostic::error(code::TOO_LARGE, Span::default(), message));
        lexer.push(TokenKind::Error, 0);
    } else {
        lexer.run();
    }
    let end = lexer.at;
    lexer.push(TokenKind::End, end);
    lexer.out
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: Lexed,
}

impl Lexer<'_> {
    fn run(&mut self) {
        // Windows editors put a byte order mark at the front.
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        while let Some(byte) = self.peek(0) {
            let start = self.at;
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | 0x0c => self.at += 1,
                b'/' if self.peek(1) == Some(b'*') => self.block_comment(),
                b'-' if self.peek(1) == Some(b'-') => self.line_comment(),
                b'-' if self.is_glued_to_value() => self.take(TokenKind::Minus, 1),
                b'/' if self.peek(1) == Some(b'/') => self.line_comment(),
                b'|' => {
                    self.at += self.bytes[start..]
                        .iter()
                        .take_while(|byte| **byte == b'|')
                        .count();
                    self.push(TokenKind::Or, start);
                }
                b'&' if self.peek(1) == Some(b'&') => self.take(TokenKind::And, 2),
                byte if is_word_start(byte) => self.word(),
                b'`' => self.backticks(TokenKind::Ident, 0),
                b'\'' | b'"' => self.string(byte),
                _ => match number_length(&self.bytes[start..]) {
                    Some(length) => self.take(TokenKind::Number, length),
                    None => self.negated_name_or_operator(),
                },
            }
            if self.out.tokens.len() >= MAX_TOKENS {
                let message = format!("the text has more than the {MAX_TOKENS} tokens allowed");
                self.report(Diagnostic::error(code::TOO_LARGE, span(start, self.at), message));
                self.push(TokenKind::Error, start);
                return;
            }
        }
    }

    /// True directly after a name or a closing bracket, when another value follows.
    fn is_glued_to_value(&self) -> bool {
        let is_value = |token: &Token| {
            matches!(
                token.kind,
                TokenKind::Ident | TokenKind::CloseParen | TokenKind::CloseBracket
            ) && token.span.end as usize == self.at
        };
        let is_start = |byte: u8| is_word_start(byte) || byte.is_ascii_digit() || matches!(byte, b'`' | b'.');
        self.out.tokens.last().is_some_and(is_value) && self.peek(1).is_some_and(is_start)
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn take(&mut self, kind: TokenKind, length: usize) {
        let start = self.at;
        self.at += length;
        self.push(kind, start);
    }

    fn push(&mut self, kind: TokenKind, start: usize) {
        self.out.tokens.push(Token {
            kind,
            span: span(start, self.at),
        });
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.out.diagnostics.len() < MAX_DIAGNOSTICS {
            self.out.diagnostics.push(diagnostic);
        }
    }

    /// Reports an error and makes one token of everything up to `end`.
    fn fail(&mut self, end: usize, diagnostic: Diagnostic) {
        let start = self.at;
        self.at = end;
        self.report(diagnostic);
        self.push(TokenKind::Error, start);
    }

    fn comment(&mut self, kind: CommentKind, length: usize) {
        let before = self.out.tokens.len();
        let mut shown = &self.bytes[self.at..self.at + length];
        if kind == CommentKind::Line {
            shown = shown.trim_ascii_end();
        }
        self.out.comments.push(CommentToken {
            kind,
            span: span(self.at, self.at + shown.len()),
            before,
        });
        self.at += length;
    }

    fn line_comment(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.comment(CommentKind::Line, length);
    }

    /// By the rules, an unclosed `/*` is a division followed by a star, which no grammar rule accepts, so it
    /// is reported as what it is. That also keeps `/*/*/*…` linear.
    fn block_comment(&mut self) {
        match self.text[self.at + 2..].find("*/") {
            Some(inner) => self.comment(CommentKind::Block, inner + 4),
            None => {
                let opening = span(self.at, self.at + 2);
                self.fail(
                    self.bytes.len(),
                    Diagnostic::error(code::UNCLOSED, opening, "this `/*` is never closed by `*/`"),
                );
            }
        }
    }

    fn word(&mut self) {
        let start = self.at;
        let end = start + word_length(&self.bytes[start..]);
        self.at = end;
        let word = &self.text[start..end];
        let kind = match keyword(word) {
            Some(kind) => kind,
            None if word.eq_ignore_ascii_case("GROUP") && self.take_by() => TokenKind::GroupBy,
            None if word.eq_ignore_ascii_case("ORDER") && self.take_by() => TokenKind::OrderBy,
            None => TokenKind::Ident,
        };
        self.push(kind, start);
    }

    /// Skips white space and the word `BY`, if they follow.
    fn take_by(&mut self) -> bool {
        let rest = &self.bytes[self.at..];
        let blanks = rest.iter().take_while(|byte| is_blank(**byte)).count();
        let word = &rest[blanks..];
        let found = blanks > 0 && word_length(word) == 2 && word[..2].eq_ignore_ascii_case(b"BY");
        if found {
            self.at += blanks + 2;
        }
        found
    }

    /// A name in backticks, after `prefix` bytes of minus signs.
    fn backticks(&mut self, kind: TokenKind, prefix: usize) {
        let open = self.at + prefix;
        match self.text[open + 1..].find('`') {
            Some(0) => {
                let message = "there is no name between these backticks";
                self.fail(
                    open + 2,
                    Diagnostic::error(code::EMPTY_NAME, span(open, open + 2), message),
                );
            }
            Some(inner) => self.take(kind, prefix + inner + 2),
            None => {
                let message = "this backtick is never closed";
                self.fail(
                    self.bytes.len(),
                    Diagnostic::error(code::UNCLOSED, span(open, open + 1), message),
                );
            }
        }
    }

    fn string(&mut self, quote: u8) {
        if self.bytes[self.at..].starts_with(b"'''")
            && let Some(inner) = self.text[self.at + 3..].find("'''")
        {
            return self.take(TokenKind::RawString, inner + 6);
        }
        let mut end = self.at + 1;
        while let Some(byte) = self.bytes.get(end) {
            match *byte {
                b'\\' => end += 2,
                byte if byte == quote => return self.take(TokenKind::String, end + 1 - self.at),
                _ => end += 1,
            }
        }
        let opening = span(self.at, self.at + 1);
        let message = format!("this `{}` opens a string that is never closed", char::from(quote));
        let diagnostic = Diagnostic::error(code::UNCLOSED, opening, message).with_help(
            "inside a string, write a quote of the same kind as `\\'` or `\\\"`, and a backslash as `\\\\`",
        );
        self.fail(self.bytes.len(), diagnostic);
    }

    fn negated_name_or_operator(&mut self) {
        let rest = &self.bytes[self.at..];
        if rest.first() == Some(&b'-') {
            match rest.get(1) {
                Some(byte) if is_word_start(*byte) => {
                    return self.take(TokenKind::NegIdent, 1 + word_length(&rest[1..]));
                }
                Some(b'`') => return self.backticks(TokenKind::NegIdent, 1),
                _ => {}
            }
        }
        match operator(rest) {
            Some((kind, length)) => self.take(kind, length),
            None => self.unexpected_character(),
        }
    }

    fn unexpected_character(&mut self) {
        let found = self.text[self.at..].chars().next().unwrap_or(' ');
        let end = self.at + found.len_utf8();
        let mut diagnostic = Diagnostic::error(
            code::CHARACTER,
            span(self.at, end),
            format!("unexpected character `{}`", found.escape_debug()),
        );
        let help = match found {
            ';' => Some("statements follow each other without a separator"),
            '&' => Some("write `AND` or `&&`"),
            '!' => {
                Some("write `!=` for inequality, `NOT a =~ b` for a regular expression that must not match")
            }
            '$' | '@' | '#' => Some("names are made of letters, digits and `_`; others stand in backticks"),
            found if !found.is_ascii() => Some("outside strings and backticks only ASCII is allowed"),
            _ => None,
        };
        if let Some(help) = help {
            diagnostic = diagnostic.with_help(help);
        }
        // One diagnostic for a whole run of unknown characters, and for what is an operator elsewhere.
        let mut run = end;
        if self.text[self.at..].starts_with("!~") {
            run += 1;
        }
        if !found.is_ascii() {
            run += self.text[end..]
                .chars()
                .take_while(|next| !next.is_ascii())
                .map(char::len_utf8)
                .sum::<usize>();
        }
        self.fail(run, diagnostic);
    }
}

fn span(start: usize, end: usize) -> Span {
    // MAX_TEXT_BYTES keeps every offset far below `u32::MAX`.
    Span {
        start: start as u32,
        end: end as u32,
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0c)
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn word_length(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
        .count()
}

fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The length of the number at the start of `bytes`: optional `-`, then `0x` and hex digits, or decimal digits with
/// optional fraction (never ending in the point) and exponent.
fn number_length(bytes: &[u8]) -> Option<usize> {
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let body = bytes.get(sign..)?;
    if body.starts_with(b"0x") {
        let hex = body[2..]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        if hex > 0 {
            return Some(sign + 2 + hex);
        }
    }
    let mut length = digits(body);
    if body.get(length) == Some(&b'.') {
        let fraction = digits(&body[length + 1..]);
        if fraction > 0 {
            length += 1 + fraction;
        }
    }
    if length == 0 {
        return None;
    }
    if matches!(body.get(length), Some(b'e' | b'E')) {
        let exponent_sign = usize::from(matches!(body.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(body.get(length + 1 + exponent_sign..).unwrap_or_default());
        if exponent > 0 {
            length += 1 + exponent_sign + exponent;
        }
    }
    Some(sign + length)
}

fn keyword(word: &str) -> Option<TokenKind> {
    const KEYWORDS: [(&str, TokenKind); 15] = [
        ("AND", TokenKind::And),
        ("AS", TokenKind::As),
        ("DESC", TokenKind::Desc),
        ("EXPLAIN", TokenKind::Explain),
        ("FALSE", TokenKind::False),
        ("FROM", TokenKind::From),
        ("IN", TokenKind::In),
        ("LET", TokenKind::Let),
        ("LIMIT", TokenKind::Limit),
        ("NOT", TokenKind::Not),
        ("NULL", TokenKind::Null),
        ("OR", TokenKind::Or),
        ("SELECT", TokenKind::Select),
        ("TRUE", TokenKind::True),
        ("WHERE", TokenKind::Where),
    ];
    if word.len() > 7 {
        return None;
    }
    KEYWORDS
        .iter()
        .find(|(keyword, _)| word.eq_ignore_ascii_case(keyword))
        .map(|(_, kind)| *kind)
}

fn operator(bytes: &[u8]) -> Option<(TokenKind, usize)> {
    use TokenKind::*;
    let two = match bytes.get(..2) {
        Some(b"<>") => Some(LtGt),
        Some(b"!=") => Some(Ne),
        Some(b"<=") => Some(Le),
        Some(b">=") => Some(Ge),
        Some(b"=>") => Some(Arrow),
        Some(b"=~") => Some(Match),
        _ => None,
    };
    if let Some(kind) = two {
        return Some((kind, 2));
    }
    one_byte_operator(*bytes.first()?).map(|kind| (kind, 1))
}

fn one_byte_operator(byte: u8) -> Option<TokenKind> {
    use TokenKind::*;
    Some(match byte {
        b'-' => Minus,
        b'+' => Plus,
        b':' => Colon,
        b'*' => Star,
        b'/' => Slash,
        b'%' => Percent,
        b',' => Comma,
        b'.' => Dot,
        b'(' => OpenParen,
        b')' => CloseParen,
        b'=' => Eq,
        b'<' => Lt,
        b'>' => Gt,
        b'{' => OpenBrace,
        b'}' => CloseBrace,
        b'[' => OpenBracket,
        b']' => CloseBracket,
        _ => return None,
    })
}
