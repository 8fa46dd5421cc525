//! Regular expressions: RE2 syntax as users write it, run by the `regex` crate on bytes.

mod translate;

use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

pub use self::translate::translate;

/// Compiled size past which a pattern is refused.
const SIZE_LIMIT: usize = 10 << 20;
/// Bytes of lazily built automaton per pattern.
const DFA_LIMIT: usize = 4 << 20;
/// Patterns kept compiled.
const CACHED: usize = 512;

/// A compiled pattern. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Regex(Arc<regex::bytes::Regex>);

impl Regex {
    /// Compiles RE2 syntax.
    pub fn new(pattern: &str) -> Result<Regex, String> {
        let translated = translate(pattern)?;
        regex::bytes::RegexBuilder::new(&translated)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(DFA_LIMIT)
            .build()
            .map(|regex| Regex(Arc::new(regex)))
            .map_err(|error| describe(pattern, &error))
    }

    /// Compiles, or takes what another call compiled.
    pub fn cached(pattern: &str) -> Result<Regex, String> {
        type Cache = Mutex<FxHashMap<String, Result<Regex, String>>>;
        static CACHE: LazyLock<Cache> = LazyLock::new(Mutex::default);
        if let Some(known) = CACHE.lock().get(pattern) {
            return known.clone();
        }
        let compiled = Regex::new(pattern);
        let mut cache = CACHE.lock();
        if cache.len() >= CACHED {
            // Rare, and refilling is cheap: simpler than tracking use.
            cache.clear();
        }
        cache.insert(pattern.to_owned(), compiled.clone());
        compiled
    }

    /// Compiles with `(?i)` in front, as `=~` does.
    pub fn cached_ignoring_case(pattern: &str) -> Result<Regex, String> {
        Regex::cached(&format!("(?i){pattern}"))
    }

    /// True if it matches anywhere.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        // An invalid byte counts as one character: try again with each replaced by one.
        self.0.is_match(text)
            || (!text.is_ascii()
                && std::str::from_utf8(text).is_err()
                && self.0.is_match(String::from_utf8_lossy(text).as_bytes()))
    }

    /// The `regex` crate's own type, for captures, splits and replacements.
    #[must_use]
    pub fn as_bytes_regex(&self) -> &regex::bytes::Regex {
        &self.0
    }
}

/// The `regex` crate's wording and RE2's, which logs are searched for.
const WORDINGS: &[(&str, &str)] = &[
    ("unclosed group", "missing closing )"),
    ("unopened group", "unexpected )"),
    ("unclosed character class", "missing closing ]"),
    (
        "repetition operator missing expression",
        "missing argument to repetition operator",
    ),
    ("look-around", "invalid or unsupported Perl syntax"),
    ("unrecognized flag", "invalid or unsupported Perl syntax"),
    ("invalid character class range", "invalid character class range"),
];

fn describe(pattern: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("error parsing regexp: `{pattern}` compiles to more than {limit} bytes; make it smaller")
        }
        other => {
            // The last line says what is wrong; the others draw the pattern.
            let text = other.to_string();
            let last = text
                .lines()
                .rev()
                .find(|line| !line.trim().is_empty())
                .unwrap_or("invalid pattern");
            let reason = last.trim().trim_start_matches("error: ");
            let reason = WORDINGS
                .iter()
                .find(|(ours, _)| reason.starts_with(ours))
                .map_or(reason, |(_, re2)| re2);
            format!("error parsing regexp: {reason}: `{pattern}`")
        }
    }
}
