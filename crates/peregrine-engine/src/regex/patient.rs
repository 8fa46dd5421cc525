//! Searches in long texts that stop when their query ends.
//!
//! The engine of `regex` cannot be interrupted. It is linear in the text, but large patterns can take
//! milliseconds for each byte. So a search that may take long runs here, with the same lazy automaton, step
//! by step and with regular checks of the query: forwards to the end of the match, and from there backwards
//! to its start. Both passes find no captures.

use parking_lot::Mutex;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::util::prefilter::Prefilter;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, Span};

use super::{DFA_LIMIT, SIZE_LIMIT};
use crate::memory;

/// States visited between two checks of the query, if every byte visits all of them; some tens of
/// milliseconds.
pub(super) const STATES_PER_LOOK: usize = 4 << 20;
/// Fewest and most bytes between two checks.
const MIN_STRIDE: usize = 8;
const MAX_STRIDE: usize = 1 << 20;
/// Largest cache kept for the next search, in bytes. Patterns are kept for long, so this is not much.
const MAX_KEPT: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The query ended.
    Ended,
    /// The automaton cannot handle it.
    Unable,
}

/// A pattern for searching long texts.
#[derive(Debug)]
pub(super) struct Patient {
    forward: Automaton,
    backward: Automaton,
}

#[derive(Debug)]
struct Automaton {
    dfa: DFA,
    /// A faster way to find how a match begins.
    literals: Option<Prefilter>,
    /// Bytes between two checks of the query.
    stride: usize,
    cache: Mutex<Option<Cache>>,
}

impl Patient {
    /// For a pattern in the syntax of `regex`.
    pub(super) fn new(pattern: &str) -> Option<Patient> {
        Some(Patient {
            forward: Automaton::new(pattern, false)?,
            backward: Automaton::new(pattern, true)?,
        })
    }

    /// True if there is a match in `input`.
    pub(super) fn is_match(&self, input: &Input<'_>) -> Result<bool, NoAnswer> {
        let earliest = input.clone().earliest(true);
        Ok(self.forward.end(&earliest)?.is_some())
    }

    /// The leftmost match in `input`.
    pub(super) fn find(&self, input: &Input<'_>) -> Result<Option<Span>, NoAnswer> {
        let Some(end) = self.forward.end(input)? else {
            return Ok(None);
        };
        let before = input.clone().span(input.start()..end).anchored(Anchored::Yes);
        let start = self.backward.start(&before)?.ok_or(NoAnswer::Unable)?;
        Ok(Some(Span { start, end }))
    }
}

impl Automaton {
    fn new(pattern: &str, is_reverse: bool) -> Option<Automaton> {
        let syntax = syntax::Config::new().utf8(false);
        let config = thompson::Config::new()
            .utf8(false)
            .reverse(is_reverse)
            .which_captures(WhichCaptures::None)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let nfa = thompson::Compiler::new()
            .syntax(syntax)
            .configure(config)
            .build(pattern)
            .ok()?;
        let stride = (STATES_PER_LOOK / nfa.states().len().max(1)).clamp(MIN_STRIDE, MAX_STRIDE);
        let mut config = Config::new()
            .cache_capacity(DFA_LIMIT)
            .skip_cache_capacity_check(true);
        let mut literals = None;
        if is_reverse {
            config = config.match_kind(MatchKind::All);
        } else {
            let hir = syntax::parse_with(pattern, &syntax).ok()?;
            let found = Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, &hir);
            literals = found.filter(Prefilter::is_fast);
            config = config.specialize_start_states(literals.is_some());
        }
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
        Some(Automaton {
            dfa,
            literals,
            stride,
            cache: Mutex::default(),
        })
    }

    /// The end of the leftmost match, or of any match with [`Input::get_earliest`].
    fn end(&self, input: &Input<'_>) -> Result<Option<usize>, NoAnswer> {
        self.with_cache(|cache| {
            let text = input.haystack();
            let begin = |cache: &mut Cache, at: usize| {
                let rest = input.clone().span(at..input.end());
                let state = self.dfa.start_state_forward(cache, &rest);
                state.map_err(|_| NoAnswer::Unable)
            };
            let mut state = begin(cache, input.start())?;
            let (mut at, mut found, mut look_at) = (input.start(), None, input.start());
            while at < input.end() {
                if at >= look_at {
                    look_at = at + self.stride;
                    end_with_query()?;
                }
                if state.is_start()
                    && let Some(literals) = &self.literals
                {
                    // In pieces, so that this stops in time too.
                    let piece = input.end().min(at + MAX_STRIDE);
                    let overlap = piece.saturating_add(literals.max_needle_len().saturating_sub(1));
                    match literals.find(
                        text,
                        Span {
                            start: at,
                            end: overlap.min(input.end()),
                        },
                    ) {
                        Some(next) if next.start > at => {
                            at = next.start;
                            state = begin(cache, at)?;
                        }
                        Some(_) => {}
                        None if overlap >= input.end() => return Ok(found),
                        None => {
                            at = piece;
                            continue;
                        }
                    }
                }
                let byte = text.get(at).copied().ok_or(NoAnswer::Unable)?;
                state = self.next(cache, state, byte)?;
                // A match is reported one byte late.
                if state.is_match() {
                    found = Some(at);
                    if input.get_earliest() {
                        return Ok(found);
                    }
                } else if state.is_dead() {
                    return Ok(found);
                }
                at += 1;
            }
            state = match text.get(input.end()) {
                Some(byte) => self.next(cache, state, *byte)?,
                None => self.last(cache, state)?,
            };
            Ok(if state.is_match() {
                Some(input.end())
            } else {
                found
            })
        })
    }

    /// The start of the longest match that ends at the end.
    fn start(&self, input: &Input<'_>) -> Result<Option<usize>, NoAnswer> {
        self.with_cache(|cache| {
            let text = input.haystack();
            let mut state = self
                .dfa
                .start_state_reverse(cache, input)
                .map_err(|_| NoAnswer::Unable)?;
            let (mut at, mut found, mut look_at) = (input.end(), None, input.end());
            while at > input.start() {
                if at <= look_at {
                    look_at = at.saturating_sub(self.stride);
                    end_with_query()?;
                }
                at -= 1;
                let byte = text.get(at).copied().ok_or(NoAnswer::Unable)?;
                state = self.next(cache, state, byte)?;
                if state.is_match() {
                    found = Some(at + 1);
                } else if state.is_dead() {
                    return Ok(found);
                }
            }
            state = match input.start().checked_sub(1).and_then(|before| text.get(before)) {
                Some(byte) => self.next(cache, state, *byte)?,
                None => self.last(cache, state)?,
            };
            Ok(if state.is_match() {
                Some(input.start())
            } else {
                found
            })
        })
    }

    #[inline]
    fn next(&self, cache: &mut Cache, state: LazyStateID, byte: u8) -> Result<LazyStateID, NoAnswer> {
        let next = self.dfa.next_state(cache, state, byte);
        next.ok().filter(|state| !state.is_quit()).ok_or(NoAnswer::Unable)
    }

    fn last(&self, cache: &mut Cache, state: LazyStateID) -> Result<LazyStateID, NoAnswer> {
        let next = self.dfa.next_eoi_state(cache, state);
        next.ok().filter(|state| !state.is_quit()).ok_or(NoAnswer::Unable)
    }

    fn with_cache<T>(&self, search: impl FnOnce(&mut Cache) -> T) -> T {
        let kept = self.cache.lock().take();
        let mut cache = kept.unwrap_or_else(|| self.dfa.create_cache());
        let outcome = search(&mut cache);
        if cache.memory_usage() <= MAX_KEPT {
            *self.cache.lock() = Some(cache);
        }
        outcome
    }
}

/// An error once the query has ended.
pub(super) fn end_with_query() -> Result<(), NoAnswer> {
    if memory::should_end() {
        Err(NoAnswer::Ended)
    } else {
        Ok(())
    }
}
