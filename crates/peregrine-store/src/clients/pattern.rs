//! What a search term must look like.

use super::terms::BREAK;
use crate::sql::{escape_like, fold};
use regex::{Regex, RegexBuilder};

/// Bytes that a compiled expression may take.
const MAX_COMPILED: usize = 1 << 20;

/// What a term must look like, without regard to case: it begins with a text, and may have to match an expression, too.
#[derive(Debug, Clone)]
pub struct TermPattern {
    /// Folded.
    prefix: String,
    rest: Option<Rest>,
}

#[derive(Debug, Clone)]
struct Rest {
    matches: Regex,
    /// A pattern for `LIKE` that all matching terms match.
    like: String,
    like_decides: LikeDecides,
}

/// Where no term that does not match has the same `LIKE` as those that do.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LikeDecides {
    Nowhere,
    /// If terms are compared one by one; in a text of terms, what is before a `*` may be found in one of them and what is
    /// behind it in another.
    AmongTerms,
    Everywhere,
}

impl PartialEq for TermPattern {
    fn eq(&self, other: &TermPattern) -> bool {
        let expression = |pattern: &TermPattern| pattern.rest.as_ref().map(|rest| rest.matches.to_string());
        self.prefix == other.prefix && expression(self) == expression(other)
    }
}

impl TermPattern {
    /// Terms that begin with the text.
    pub fn prefix(text: &str) -> TermPattern {
        TermPattern {
            prefix: fold(text),
            rest: None,
        }
    }

    /// Terms that match as a whole, where `*` stands for anything; without `*`, those that begin with the text.
    pub fn glob(text: &str) -> Result<TermPattern, regex::Error> {
        let text = fold(text);
        let parts: Vec<&str> = text.split('*').collect();
        let [prefix, rest @ ..] = &*parts else {
            return Ok(TermPattern::prefix(&text));
        };
        if rest.iter().all(|part| part.is_empty()) {
            return Ok(TermPattern::prefix(prefix));
        }
        let expression = parts.iter().map(|part| regex::escape(part));
        let expression = format!("^{}$", expression.collect::<Vec<_>>().join(".*"));
        Ok(TermPattern {
            prefix: (*prefix).to_owned(),
            rest: Some(Rest {
                matches: compiled(&expression)?,
                like: escape_like(&text).replace('*', "%"),
                like_decides: match (
                    prefix.is_empty(),
                    rest.iter().filter(|part| !part.is_empty()).count(),
                ) {
                    (true, 1) => LikeDecides::Everywhere,
                    _ => LikeDecides::AmongTerms,
                },
            }),
        })
    }

    /// Terms that begin with the text, and in which the expression is found.
    pub fn expression(prefix: &str, expression: &str) -> Result<TermPattern, regex::Error> {
        let prefix = fold(prefix);
        Ok(TermPattern {
            rest: Some(Rest {
                matches: compiled(expression)?,
                like: escape_like(&prefix) + "%",
                like_decides: LikeDecides::Nowhere,
            }),
            prefix,
        })
    }

    /// The text that terms begin with, if that is all.
    pub(super) fn only_prefix(&self) -> Option<&str> {
        self.rest.is_none().then_some(&self.prefix)
    }

    /// Whether [`like`](TermPattern::like) tells which terms match.
    pub(super) fn like_decides(&self) -> bool {
        self.rest
            .as_ref()
            .is_none_or(|rest| rest.like_decides != LikeDecides::Nowhere)
    }

    /// Whether [`like_in_text`](TermPattern::like_in_text) tells which texts have a matching term.
    pub(super) fn like_in_text_decides(&self) -> bool {
        self.rest
            .as_ref()
            .is_none_or(|rest| rest.like_decides == LikeDecides::Everywhere)
    }

    /// The text that all matching terms begin with.
    pub(super) fn start(&self) -> &str {
        &self.prefix
    }

    /// Whether a folded term matches.
    pub(super) fn matches(&self, term: &str) -> bool {
        term.starts_with(&self.prefix) && self.rest.as_ref().is_none_or(|rest| rest.matches.is_match(term))
    }

    /// A pattern for `LIKE` that all matching terms match.
    pub(super) fn like(&self) -> String {
        match &self.rest {
            Some(rest) => rest.like.clone(),
            None => escape_like(&self.prefix) + "%",
        }
    }

    /// The same for a text of terms, in which [`BREAK`] stands before and after each.
    pub(super) fn like_in_text(&self) -> String {
        format!("%{BREAK}{}{BREAK}%", self.like())
    }
}

fn compiled(expression: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(expression)
        .case_insensitive(true)
        .dot_matches_new_line(true)
        .size_limit(MAX_COMPILED)
        .build()
}

/// The texts that begin with another one, as a range of their order by bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    pub(super) from: String,
    /// The first text behind them; none if they are the last ones.
    pub(super) to: Option<String>,
}

impl Range {
    pub(super) fn of(prefix: &str) -> Range {
        let mut characters: Vec<char> = prefix.chars().collect();
        let mut to = None;
        while let Some(last) = characters.pop() {
            if let Some(next) = following(last) {
                characters.push(next);
                to = Some(characters.into_iter().collect());
                break;
            }
        }
        Range {
            from: prefix.to_owned(),
            to,
        }
    }
}

/// The next character; between the two there is a gap of numbers that are none.
fn following(character: char) -> Option<char> {
    match character {
        '\u{d7ff}' => Some('\u{e000}'),
        other => char::from_u32(u32::from(other) + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_begins_with_the_text_and_nothing_else() {
        for (prefix, to) in [
            ("", None),
            ("web", Some("wec")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}", Some("b")),
            ("\u{10ffff}\u{10ffff}", None),
        ] {
            let range = Range::of(prefix);
            assert_eq!((&*range.from, range.to.as_deref()), (prefix, to));
        }
    }

    #[test]
    fn patterns_match_whole_terms() {
        let glob = |text: &str| TermPattern::glob(text).unwrap();
        for (pattern, term, is_match) in [
            (glob("Web"), "web1", true),
            (glob("web*"), "web1", true),
            (glob("web"), "myweb", false),
            (glob("w*1"), "web1", true),
            (glob("w*1"), "web12", false),
            (glob("*.7"), "10.0.0.7", true),
            (glob("*.7"), "10.0.0.77", false),
            (glob("*eb*"), "web1", true),
            (glob("w.b*1"), "web1", false),
            (glob("a*b"), "a\nb", true),
            (glob("a%*c"), "abc", false),
            (TermPattern::expression("web", r"\d{2}$").unwrap(), "web12", true),
            (TermPattern::expression("web", r"\d{2}$").unwrap(), "web1", false),
            (TermPattern::expression("web", "A").unwrap(), "web-a", true),
            (TermPattern::expression("b", "w").unwrap(), "web", false),
        ] {
            assert_eq!(pattern.matches(term), is_match, "{pattern:?} {term}");
        }
        assert_eq!(glob("**").only_prefix(), Some(""));
        assert!(TermPattern::expression("", "(").is_err());
        assert!(
            TermPattern::expression("", "(a{1000}){1000}").is_err(),
            "too large"
        );
    }
}
