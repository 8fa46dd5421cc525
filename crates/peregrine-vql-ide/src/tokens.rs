//! Classifies the words of a text for colouring. It only uses words and brackets, so incomplete texts are
//! coloured too.

use crate::ARTIFACT;
use crate::catalogue::Catalogue;
use crate::scan::{self, Piece};
use std::ops::Range;

/// The kind of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    Keyword,
    Function,
    Plugin,
    Argument,
    Artifact,
    Variable,
    Definition,
    Text,
    Number,
    Comment,
    Operator,
}

/// The pieces that have a colour, in order.
pub fn tokens<'a>(
    text: &'a str,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = (Token, Range<usize>)> + 'a {
    let mut pieces = scan::pieces(text).peekable();
    let mut follows_from = false;
    let mut follows_let = false;
    // For each open bracket, whether it belongs to a call.
    let mut calls: Vec<bool> = Vec::new();
    let mut may_be_argument = false;
    let mut follows_name = false;
    std::iter::from_fn(move || {
        loop {
            let (piece, range) = pieces.next()?;
            let source = text.get(range.clone()).unwrap_or_default();
            // The next piece that is not blank.
            while pieces
                .peek()
                .is_some_and(|(piece, next)| *piece == Piece::Other && is_blank(text, next))
            {
                pieces.next();
            }
            let next = pieces
                .peek()
                .and_then(|(_, range)| text.get(range.clone()))
                .unwrap_or_default();
            let was_argument = std::mem::replace(&mut may_be_argument, false);
            let after_name = std::mem::replace(&mut follows_name, piece == Piece::Word);
            let token = match piece {
                Piece::Keyword => {
                    follows_from = source.eq_ignore_ascii_case("FROM");
                    follows_let = source.eq_ignore_ascii_case("LET");
                    Token::Keyword
                }
                Piece::Text => Token::Text,
                Piece::Number => Token::Number,
                Piece::Comment => {
                    may_be_argument = was_argument;
                    return Some((Token::Comment, range));
                }
                Piece::Word => {
                    let is_definition = std::mem::replace(&mut follows_let, false);
                    let after_from = std::mem::replace(&mut follows_from, false);
                    let is_call = next == "(";
                    if source.starts_with("Artifact.") || source == ARTIFACT {
                        Token::Artifact
                    } else if is_definition {
                        Token::Definition
                    } else if was_argument && next == "=" && calls.last() == Some(&true) {
                        Token::Argument
                    } else if is_call && after_from {
                        Token::Plugin
                    } else if is_call && !source.contains('.') {
                        Token::Function
                    } else if !is_call && after_from && catalogue.plugins.contains_key(source) {
                        Token::Plugin
                    } else {
                        Token::Variable
                    }
                }
                Piece::Other => {
                    follows_from = false;
                    match source {
                        "(" | "{" | "[" => {
                            let is_call = source == "(" && after_name;
                            calls.push(is_call);
                            may_be_argument = is_call;
                        }
                        ")" | "}" | "]" => {
                            calls.pop();
                        }
                        "," => may_be_argument = true,
                        "=" | "<" | ">" | "!" | "~" | "+" | "-" | "*" | "/" | "|" | "&" => {
                            return Some((Token::Operator, range));
                        }
                        _ => {}
                    }
                    continue;
                }
            };
            return Some((token, range));
        }
    })
}

fn is_blank(text: &str, range: &Range<usize>) -> bool {
    text.get(range.clone()).is_some_and(|text| text.trim().is_empty())
}
