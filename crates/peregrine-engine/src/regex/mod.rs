//! Regular expressions: RE2 syntax as users write it, run on bytes with the parts of the `regex` crate.

mod captures;
mod groups;
mod haystack;
mod patient;
mod translate;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};

use parking_lot::Mutex;
use regex_automata::util::captures::Captures as Groups;
use regex_automata::util::iter::Searcher;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, Match, PatternID, meta};
use rustc_hash::FxHashMap;

use self::groups::Pike;
use self::patient::{NoAnswer, Patient};

use crate::memory;
use crate::value::as_characters;

pub use self::captures::Captures;
pub use self::haystack::{Haystack, lossy};
pub use self::translate::translate;

/// Compiled size above which a pattern is refused.
const SIZE_LIMIT: usize = 10 << 20;
/// Bytes of lazily built automaton per pattern.
const DFA_LIMIT: usize = 4 << 20;
/// Patterns kept compiled.
const CACHED: usize = 512;
/// Bytes of text times bytes of pattern below which any search is short: about a second at worst.
const SHORT: usize = 4 << 30;

/// A compiled pattern. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Regex(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    meta: meta::Regex,
    /// True if it contains bytes that are not UTF-8, each standing for itself.
    tells_bytes_apart: bool,
    /// The output of [`translate()`].
    pattern: String,
    /// Longest text in which a search is short.
    short: usize,
    /// For longer texts; `None` if it cannot be built.
    patient: OnceLock<Option<Patient>>,
    /// For the groups of longer matches.
    pike: OnceLock<Option<Pike>>,
}

impl Regex {
    /// Compiles RE2 syntax, in which bytes that are not UTF-8 stand for themselves.
    pub fn new(pattern: impl AsRef<[u8]>) -> Result<Regex, String> {
        let pattern = pattern.as_ref();
        let text = as_characters(pattern);
        let translated = translate(&text)?;
        let config = meta::Config::new()
            .utf8_empty(false)
            .nfa_size_limit(Some(SIZE_LIMIT))
            .hybrid_cache_capacity(DFA_LIMIT);
        let meta = meta::Builder::new()
            .configure(config)
            .syntax(syntax::Config::new().utf8(false))
            .build(&translated)
            .map_err(|error| describe(&lossy(pattern), &error))?;
        Ok(Regex(Arc::new(Inner {
            short: SHORT / meta.memory_usage().max(1),
            meta,
            tells_bytes_apart: matches!(text, Cow::Owned(_)),
            pattern: translated,
            patient: OnceLock::new(),
            pike: OnceLock::new(),
        })))
    }

    /// The engine for a text long enough that the search may take long.
    fn patient(&self, input: &Input<'_>) -> Option<&Patient> {
        if input.get_span().len() <= self.0.short {
            return None;
        }
        self.0
            .patient
            .get_or_init(|| Patient::new(&self.0.pattern))
            .as_ref()
    }

    fn has_match(&self, input: &Input<'_>) -> bool {
        match self.patient(input).map(|patient| patient.is_match(input)) {
            Some(Ok(found)) => found,
            Some(Err(NoAnswer::Ended)) => false,
            None | Some(Err(NoAnswer::Unable)) => self.0.meta.is_match(input.clone()),
        }
    }

    fn search(&self, input: &Input<'_>) -> Option<Match> {
        match self.patient(input).map(|patient| patient.find(input)) {
            Some(Ok(found)) => found.map(|span| Match::new(PatternID::ZERO, span)),
            Some(Err(NoAnswer::Ended)) => None,
            None | Some(Err(NoAnswer::Unable)) => self.0.meta.search(input),
        }
    }

    fn search_groups(&self, input: &Input<'_>, groups: &mut Groups) {
        if self.patient(input).is_none() {
            return self.0.meta.search_captures(input, groups);
        }
        // Finding the groups needs only the match itself.
        match self.search(input) {
            Some(found) => {
                let within = input.clone().span(found.span()).anchored(Anchored::Yes);
                self.groups_of(&within, groups);
            }
            None => groups.set_pattern(None),
        }
    }

    /// The groups of the match `found`.
    fn groups_of(&self, found: &Input<'_>, groups: &mut Groups) {
        let pike = if found.get_span().len() <= self.0.short {
            None
        } else {
            let pike = self.0.pike.get_or_init(|| Pike::new(&self.0.pattern));
            pike.as_ref()
        };
        groups.set_pattern(Some(PatternID::ZERO));
        match pike.map(|pike| pike.fill(found, groups.slots_mut())) {
            Some(Ok(())) => {}
            Some(Err(NoAnswer::Ended)) => groups.set_pattern(None),
            None | Some(Err(NoAnswer::Unable)) => self.0.meta.search_captures(found, groups),
        }
    }

    /// Compiles, or returns the pattern an earlier call compiled.
    pub fn cached(pattern: impl AsRef<[u8]>) -> Result<Regex, String> {
        type Cache = Mutex<FxHashMap<Vec<u8>, Result<Regex, String>>>;
        static CACHE: LazyLock<Cache> = LazyLock::new(Mutex::default);
        let pattern = pattern.as_ref();
        if let Some(known) = CACHE.lock().get(pattern) {
            return known.clone();
        }
        let compiled = Regex::new(pattern);
        let mut cache = CACHE.lock();
        if cache.len() >= CACHED {
            // Rare, and refilling is cheap: simpler than tracking use.
            cache.clear();
        }
        cache.insert(pattern.to_vec(), compiled.clone());
        compiled
    }

    /// Compiles with `(?i)` in front, as `=~` does.
    pub fn cached_ignoring_case(pattern: impl AsRef<[u8]>) -> Result<Regex, String> {
        Regex::cached([b"(?i)", pattern.as_ref()].concat())
    }

    /// The form of the haystack that this pattern searches.
    fn seen<'h, 't>(&self, haystack: &'h Haystack<'t>) -> &'h Haystack<'t> {
        if self.0.tells_bytes_apart {
            haystack.telling_bytes_apart()
        } else {
            haystack
        }
    }

    /// True if it matches anywhere.
    #[must_use]
    pub fn is_match(&self, text: &[u8]) -> bool {
        if self.0.tells_bytes_apart {
            return self.find(&Haystack::new(text)).is_some();
        }
        // A match inside valid UTF-8 is a match in any case, and most texts have no invalid bytes.
        self.has_match(&Input::new(text))
            || (!text.is_ascii()
                && std::str::from_utf8(text).is_err()
                && self.has_match(&Input::new(Haystack::new(text).text())))
    }

    /// Where the first match is.
    #[must_use]
    pub fn find(&self, haystack: &Haystack<'_>) -> Option<Range<usize>> {
        let haystack = self.seen(haystack);
        let found = self.search(&Input::new(haystack.text()))?;
        Some(haystack.range(found.range()))
    }

    /// Where the matches are.
    pub fn find_iter<'h>(&'h self, haystack: &'h Haystack<'_>) -> impl Iterator<Item = Range<usize>> + 'h {
        let haystack = self.seen(haystack);
        let mut searcher = Searcher::new(Input::new(haystack.text()));
        let found = std::iter::from_fn(move || searcher.advance(|input| Ok(self.search(input))));
        let found = found.take_while(is_wanted(haystack));
        found.map(|found| haystack.range(found.range()))
    }

    /// The first match with its groups.
    #[must_use]
    pub fn captures<'h, 't>(&'h self, haystack: &'h Haystack<'t>) -> Option<Captures<'h, 't>> {
        let haystack = self.seen(haystack);
        let mut groups = self.0.meta.create_captures();
        self.search_groups(&Input::new(haystack.text()), &mut groups);
        groups.is_match().then_some(Captures { haystack, groups })
    }

    /// The matches with their groups.
    pub fn captures_iter<'h, 't>(
        &'h self,
        haystack: &'h Haystack<'t>,
    ) -> impl Iterator<Item = Captures<'h, 't>> + 'h {
        let haystack = self.seen(haystack);
        let mut searcher = Searcher::new(Input::new(haystack.text()));
        let found = std::iter::from_fn(move || {
            let mut groups = self.0.meta.create_captures();
            searcher.advance(|input| {
                self.search_groups(input, &mut groups);
                Ok(groups.get_match())
            })?;
            Some(groups)
        });
        let found = found.take_while(is_wanted(haystack));
        found.map(move |groups| Captures { haystack, groups })
    }

    /// The names of the groups; the first is the whole match, which has none.
    pub fn capture_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.meta.group_info().pattern_names(PatternID::ZERO)
    }

    /// Replaces every match; `$1` and `${name}` stand for groups. Stops when the query may hold no more.
    #[must_use]
    pub fn replace_all<'t>(&self, text: &'t [u8], replacement: &[u8]) -> Cow<'t, [u8]> {
        self.replace_in(&Haystack::new(text), &mut |found, out| {
            found.expand(replacement, out);
        })
    }

    /// As [`Self::replace_all`], with a function that produces each replacement.
    #[must_use]
    pub fn replace_all_with<'t>(
        &self,
        text: &'t [u8],
        mut replacement: impl FnMut(&[u8]) -> Vec<u8>,
    ) -> Cow<'t, [u8]> {
        self.replace_in(&Haystack::new(text), &mut |found, out| {
            out.extend_from_slice(&replacement(found.get(0).unwrap_or_default()));
        })
    }

    fn replace_in<'t>(
        &self,
        haystack: &Haystack<'t>,
        write: &mut dyn FnMut(&Captures<'_, 't>, &mut Vec<u8>),
    ) -> Cow<'t, [u8]> {
        /// Bytes added between two checks of the memory.
        const PIECE: usize = 1 << 20;
        let bytes = haystack.bytes();
        let (mut out, mut done, mut looked_at) = (Vec::new(), None, 0);
        for found in self.captures_iter(haystack) {
            let Some(whole) = found.range(0) else { continue };
            out.extend_from_slice(bytes.get(done.unwrap_or(0)..whole.start).unwrap_or_default());
            write(&found, &mut out);
            done = Some(whole.end);
            if out.len() - looked_at >= PIECE {
                looked_at = out.len();
                // A full buffer doubles its size.
                let is_full = out.capacity() - out.len() < PIECE;
                if !memory::has_room(if is_full { out.len() } else { 0 }) {
                    break;
                }
            }
        }
        let Some(done) = done else {
            return Cow::Borrowed(bytes);
        };
        out.extend_from_slice(bytes.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// The text between the matches, in at most `limit` parts.
    #[must_use]
    pub fn splitn<'t>(&self, haystack: &Haystack<'t>, limit: usize) -> Vec<&'t [u8]> {
        let bytes = haystack.bytes();
        let mut parts = Vec::new();
        let mut start = 0;
        for found in self.find_iter(haystack).take(limit.saturating_sub(1)) {
            parts.push(bytes.get(start..found.start).unwrap_or_default());
            start = found.end;
        }
        if limit > 0 {
            parts.push(bytes.get(start..).unwrap_or_default());
        }
        parts
    }
}

/// Checked between matches: false once the query has ended. One search is linear in the text, but all of them
/// together may be quadratic, so longer texts check more often.
fn is_wanted<T>(haystack: &Haystack<'_>) -> impl FnMut(&T) -> bool + use<T> {
    /// Bytes that may be searched between two checks.
    const PIECE: usize = 16 << 20;
    let matches = (PIECE / haystack.bytes().len().max(1)).clamp(1, 1024);
    let mut count = 0_usize;
    move |_| {
        count += 1;
        !count.is_multiple_of(matches) || !memory::should_end()
    }
}

/// The `regex` crate's wording and RE2's, which users search logs for.
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

fn describe(pattern: &str, error: &meta::BuildError) -> String {
    if let Some(limit) = error.size_limit() {
        return format!(
            "error parsing regexp: `{pattern}` compiles to more than {limit} bytes; make it smaller"
        );
    }
    let text = match error.syntax_error() {
        Some(error) => error.to_string(),
        None => error.to_string(),
    };
    // The last line says what is wrong; the others draw the pattern.
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

#[cfg(test)]
mod tests;
