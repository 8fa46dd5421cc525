//! The position of a cursor in an incomplete text, from words and brackets instead of a tree.

use crate::scan::{self, Piece};

/// A bracket that is open at the cursor.
#[derive(Debug, Clone, Copy, Default)]
struct Open<'a> {
    /// The call it belongs to, and whether that follows FROM.
    call: Option<(&'a str, bool)>,
    /// The argument being written.
    argument: Option<&'a str>,
    /// The SELECT inside it has reached its FROM.
    has_from: bool,
}

/// The context of a cursor.
#[derive(Debug, Clone)]
pub(crate) struct Place<'a> {
    /// The word so far.
    pub(crate) word: &'a str,
    /// True after FROM.
    pub(crate) is_source: bool,
    /// True after ORDER BY.
    pub(crate) is_order: bool,
    /// True after AS or LET, where a name is invented.
    pub(crate) is_new_name: bool,
    /// The call whose argument name is expected here, and whether it follows FROM.
    pub(crate) call: Option<(&'a str, bool)>,
    /// The innermost open call around the cursor, and the current argument.
    pub(crate) inside: Option<(&'a str, bool, Option<&'a str>)>,
    /// True in a string or comment, where nothing can be proposed.
    pub(crate) is_text: bool,
}

/// Determines the context from the text before a cursor.
pub(crate) fn place(before: &str) -> Place<'_> {
    let mut open: Vec<Open<'_>> = Vec::new();
    // The last word, and whether it, or the next one, follows FROM.
    let mut callee: Option<(&str, bool)> = None;
    let mut follows_from = false;
    let mut is_argument = false;
    let (mut word, mut keyword, mut earlier) = ("", "", "");
    let mut last = None;
    for (piece, range) in scan::pieces(before) {
        let text = before.get(range).unwrap_or_default();
        last = Some((piece, text));
        word = "";
        match (piece, text) {
            (Piece::Keyword, _) => {
                follows_from = text.eq_ignore_ascii_case("FROM");
                if let (true, Some(inner)) = (follows_from, open.last_mut()) {
                    inner.has_from = true;
                }
                (callee, is_argument) = (None, false);
                (earlier, keyword) = (keyword, text);
                word = text;
            }
            (Piece::Word, _) => {
                callee = Some((text, follows_from));
                word = text;
            }
            (Piece::Other, "(" | "{" | "[") => {
                let call = callee.take().filter(|_| text == "(");
                open.push(Open {
                    call,
                    ..Open::default()
                });
                (follows_from, is_argument, keyword) = (false, text == "(", "");
            }
            (Piece::Other, ")" | "}" | "]") => {
                open.pop();
                (callee, follows_from, is_argument, keyword) = (None, false, false, "");
            }
            (Piece::Other, ",") => {
                (callee, follows_from, is_argument, keyword) = (None, false, true, "");
                if let Some(inner) = open.last_mut() {
                    inner.argument = None;
                }
            }
            (Piece::Other, "=") => {
                if let (Some(inner), Some((name, _))) = (open.last_mut(), callee)
                    && inner.call.is_some()
                    && inner.argument.is_none()
                {
                    inner.argument = Some(name);
                }
                (callee, follows_from, is_argument, keyword) = (None, false, false, "");
            }
            (Piece::Other, blank) if blank.trim().is_empty() => {}
            (Piece::Comment, _) => {}
            _ => (callee, follows_from, is_argument, keyword) = (None, false, false, ""),
        }
    }
    let is = |text: &str, known: &str| text.eq_ignore_ascii_case(known);
    let keyword = if word == keyword { earlier } else { keyword };
    let innermost = open.last().copied().unwrap_or_default();
    let enclosing = open.iter().rev().find(|open| open.call.is_some());
    Place {
        word,
        is_source: follows_from && is(keyword, "FROM"),
        is_order: is(keyword, "BY") && before_by(before),
        is_new_name: is(keyword, "AS") || is(keyword, "LET"),
        call: innermost.call.filter(|_| is_argument),
        inside: enclosing.and_then(|open| {
            let (name, is_source) = open.call?;
            Some((name, is_source, open.argument))
        }),
        is_text: matches!(last, Some((Piece::Text | Piece::Comment, text)) if is_unclosed(text)),
    }
}

/// True if the last BY belongs to ORDER BY.
fn before_by(before: &str) -> bool {
    let mut words = before.split_whitespace().rev();
    let mut latest = words.by_ref().skip_while(|word| !word.eq_ignore_ascii_case("BY"));
    latest.next();
    latest
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("ORDER"))
}

/// True if the cursor is inside this string or comment.
fn is_unclosed(text: &str) -> bool {
    let end = match text {
        _ if text.starts_with("--") || text.starts_with("//") => return true,
        _ if text.starts_with("/*") => "*/",
        _ if text.starts_with("'''") => "'''",
        _ if text.starts_with('\'') => "'",
        _ => "\"",
    };
    text.len() < 2 * end.len() || !text.ends_with(end)
}

/// Closes every bracket that is open at the end of the text.
pub(crate) fn closers(text: &str) -> String {
    let mut open = Vec::new();
    for (piece, range) in scan::pieces(text) {
        match text.get(range) {
            Some("(") if piece == Piece::Other => open.push(')'),
            Some("{") if piece == Piece::Other => open.push('}'),
            Some("[") if piece == Piece::Other => open.push(']'),
            Some(")" | "}" | "]") if piece == Piece::Other => {
                open.pop();
            }
            _ => {}
        }
    }
    open.into_iter().rev().collect()
}
