//! Glob patterns: brace expansion and the matching of one path component.

use crate::Pathspec;
use peregrine_engine::value::as_characters;
use regex::bytes::{Regex, RegexBuilder};

/// Levels that a bare `**` descends.
pub(crate) const DEFAULT_RECURSION: u32 = 30;

/// Patterns with more expansions are refused: `{a,b}{a,b}…` grows exponentially.
pub(crate) const MAX_EXPANSIONS: usize = 10_000;

/// What one component of a pattern matches.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Matches names, ignoring case.
    Name {
        /// As written, to merge equal components.
        text: Vec<u8>,
        /// The compiled form; `None` for `*`, which matches every name.
        regex: Option<Regex>,
    },
    /// `**N`: this many levels of directories.
    Recurse(u32),
}

impl Pattern {
    /// Compiles one component; the error says why that is not possible.
    pub fn compile(component: &[u8]) -> Result<Pattern, String> {
        if let Some(levels) = component.strip_prefix(b"**") {
            let digits: Vec<u8> = levels.iter().copied().take_while(u8::is_ascii_digit).collect();
            let depth = std::str::from_utf8(&digits)
                .ok()
                .and_then(|digits| digits.parse().ok());
            return Ok(Pattern::Recurse(depth.unwrap_or(DEFAULT_RECURSION)));
        }
        if component == b"*" {
            return Ok(Pattern::Name {
                text: component.to_vec(),
                regex: None,
            });
        }
        let regex = RegexBuilder::new(&to_regex(component))
            .case_insensitive(true)
            .multi_line(true)
            .dot_matches_new_line(true)
            .size_limit(1 << 20)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Pattern::Name {
            text: component.to_ascii_lowercase(),
            regex: Some(regex),
        })
    }

    /// True when a file of this name matches.
    #[must_use]
    pub fn matches(&self, name: &[u8]) -> bool {
        match self {
            Pattern::Name { regex: None, .. } => true,
            Pattern::Name {
                regex: Some(regex), ..
            } => regex.is_match(as_characters(name).as_bytes()),
            Pattern::Recurse(_) => true,
        }
    }
}

/// What U+FFFD in a pattern matches: itself, and any byte that is not UTF-8, because results show such bytes
/// in this way. So a name copied from a table finds its file.
const SHOWN_BYTE: &str = r"\u{fffd}\u{10ff80}-\u{10ffff}";

/// The component as a regular expression over the whole name.
fn to_regex(component: &[u8]) -> String {
    let text = as_characters(component);
    let mut pattern = String::from(r"\A");
    let mut rest = text.as_ref();
    while let Some(next) = rest.chars().next() {
        let mut consumed = next.len_utf8();
        match next {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '[' => match class(rest) {
                Some((class, length)) => {
                    pattern.push_str(&class);
                    consumed = length;
                }
                None => pattern.push_str(r"\["),
            },
            char::REPLACEMENT_CHARACTER => {
                pattern.push('[');
                pattern.push_str(SHOWN_BYTE);
                pattern.push(']');
            }
            other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        rest = rest.get(consumed..).unwrap_or_default();
    }
    pattern.push_str(r"\z");
    pattern
}

/// A character class at the start of the text, and its length; `None` when it is never closed.
fn class(text: &str) -> Option<(String, usize)> {
    let inner = text.strip_prefix('[')?;
    let (negated, members) = match inner.strip_prefix('!') {
        Some(members) => (true, members),
        None => (false, inner),
    };
    let end = members
        .char_indices()
        .skip(1)
        .find(|(_, letter)| *letter == ']')
        .map(|(at, _)| at)?;
    let mut pattern = String::from(if negated { "[^" } else { "[" });
    for letter in members.get(..end)?.chars() {
        // A range keeps its dash; other characters that are special in a regex class are escaped.
        match letter {
            char::REPLACEMENT_CHARACTER => pattern.push_str(SHOWN_BYTE),
            '[' | ']' | '\\' | '^' | '&' | '~' => pattern.extend(['\\', letter]),
            other => pattern.push(other),
        }
    }
    pattern.push(']');
    Some((pattern, text.len() - members.len() + end + 1))
}

/// Expands `{a,b}` alternatives in a whole pattern, the rightmost innermost group first, without duplicates.
/// In a pathspec, those of its path are expanded.
pub fn expand_braces(pattern: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let Some(Ok(spec)) = Pathspec::recognise(pattern) else {
        return expand(pattern);
    };
    let paths = expand(&spec.path)?.into_iter();
    let with_path = |path: Vec<u8>| Pathspec {
        path: path.into(),
        ..spec.clone()
    };
    Ok(paths.map(|path| with_path(path).to_json()).collect())
}

fn expand(pattern: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let mut pending = vec![pattern.to_vec()];
    let mut expanded: Vec<Vec<u8>> = Vec::new();
    while let Some(current) = pending.pop() {
        match innermost_group(&current) {
            None => {
                let current = with_braces(&current);
                if !expanded.contains(&current) {
                    expanded.push(current);
                }
            }
            Some((open, close)) => {
                let before = current.get(..open).unwrap_or_default();
                let after = current.get(close + 1..).unwrap_or_default();
                let alternatives = current.get(open + 1..close).unwrap_or_default();
                // A single alternative is either the text itself, or a name in braces such as
                // `{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}`.
                if !alternatives.contains(&b',') {
                    pending.push([before, OPEN, alternatives, CLOSE, after].concat());
                }
                for alternative in alternatives.split(|byte| *byte == b',').rev() {
                    pending.push([before, alternative, after].concat());
                }
            }
        }
        if pending.len() + expanded.len() > MAX_EXPANSIONS {
            return Err(format!(
                "more than {MAX_EXPANSIONS} alternatives; split the pattern into several"
            ));
        }
    }
    Ok(expanded)
}

/// Placeholder for braces that belong to a name, while others are expanded: no path contains a zero byte.
const OPEN: &[u8] = b"\0<";
const CLOSE: &[u8] = b"\0>";

/// The pattern with the braces of its names restored.
fn with_braces(pattern: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = if let Some(after) = rest.strip_prefix(OPEN) {
            (b'{', after)
        } else if let Some(after) = rest.strip_prefix(CLOSE) {
            (b'}', after)
        } else {
            (byte, after)
        };
        text.push(byte);
        rest = after;
    }
    text
}

/// The last `{` that is followed by a `}`.
fn innermost_group(pattern: &[u8]) -> Option<(usize, usize)> {
    let mut search_end = pattern.len();
    loop {
        let open = pattern
            .get(..search_end)?
            .iter()
            .rposition(|byte| *byte == b'{')?;
        if let Some(length) = pattern.get(open..)?.iter().position(|byte| *byte == b'}') {
            return Some((open, open + length));
        }
        search_end = open;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::compile(pattern.as_bytes())
            .unwrap()
            .matches(name.as_bytes())
    }

    #[test]
    fn components_match_whole_names_without_case() {
        assert!(matches("*.EXE", "calc.exe"));
        assert!(!matches("*.exe", "calc.exe.txt"));
        assert!(matches("a?c", "abc"));
        assert!(matches("[!x-z]a", "ba") && !matches("[!x-z]a", "ya"));
        assert!(matches("[^a]", "^") && matches("[^a]", "a") && !matches("[^a]", "b"));
        assert!(matches("[ab", "[ab"));
        assert!(matches("a+(b)", "a+(b)"));
        assert!(matches("foo**", "foobar"));
    }

    #[test]
    fn bytes_that_are_no_text_are_characters() {
        let matches = |pattern: &[u8], name: &[u8]| Pattern::compile(pattern).unwrap().matches(name);
        for pattern in [
            &b"caf*"[..],
            b"caf?.txt",
            b"CAF\xe9.*",
            b"caf[!a].txt",
            b"caf\xe9.txt",
            b"*",
            b"caf[\xe0-\xef]*",
            // As results show it.
            "caf\u{fffd}.txt".as_bytes(),
            "caf[x\u{fffd}].txt".as_bytes(),
        ] {
            assert!(matches(pattern, b"caf\xe9.txt"), "{pattern:?}");
        }
        for pattern in [
            &b"caf\xe8.txt"[..],
            b"caf??.txt",
            "café.txt".as_bytes(),
            b"caf[a-z].txt",
        ] {
            assert!(!matches(pattern, b"caf\xe9.txt"), "{pattern:?}");
        }
        assert!(!matches(b"caf\xc3*", "café.txt".as_bytes()));
        assert!(matches("caf\u{fffd}".as_bytes(), "caf\u{fffd}".as_bytes()));
        assert!(!matches("caf\u{fffd}".as_bytes(), "café".as_bytes()));
    }

    #[test]
    fn a_recursion_has_a_depth() {
        let depth = |text: &str| match Pattern::compile(text.as_bytes()).unwrap() {
            Pattern::Recurse(depth) => depth,
            Pattern::Name { .. } => 0,
        };
        assert_eq!((depth("**"), depth("**5"), depth("**5ignored")), (30, 5, 5));
    }

    #[test]
    fn braces_expand_over_separators_and_nest() {
        let expand = |text: &str| {
            expand_braces(text.as_bytes())
                .unwrap()
                .iter()
                .map(|p| String::from_utf8_lossy(p).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(expand("/a/{b,c/d}/e"), ["/a/b/e", "/a/c/d/e"]);
        assert_eq!(expand("/{a,{b,c}}"), ["/a", "/b", "/c"]);
        assert_eq!(expand("/{a,a}"), ["/a"]);
        assert_eq!(expand("/a{b"), ["/a{b"]);
        assert_eq!(expand("{a,b}/c"), ["a/c", "b/c"]);
        assert_eq!(expand("/x/{1c95}/y"), ["/x/1c95/y", "/x/{1c95}/y"]);
        assert_eq!(
            expand(r#"{"DelegatePath":"/{z}","Path":"{a,b}"}"#),
            [
                r#"{"DelegatePath":"/{z}","Path":"a"}"#,
                r#"{"DelegatePath":"/{z}","Path":"b"}"#
            ]
        );
        assert!(expand_braces(format!("/{}", "{a,b}".repeat(40)).as_bytes()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_component_compiles_or_is_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40)) {
            let _ = Pattern::compile(&bytes).map(|pattern| pattern.matches(b"name") | pattern.matches(&bytes));
            let _ = expand_braces(&bytes);
        }
    }
}
