//! Finds which parts of a long match belong to which group, and stops when the query ends.
//!
//! All ways through the pattern are followed at once, each with the places of its groups, as in a Pike
//! machine. This is slow, and only used on text that is known to match.

use regex_automata::Input;
use regex_automata::nfa::thompson::{self, NFA, State};
use regex_automata::util::primitives::{NonMaxUsize, StateID};
use regex_automata::util::syntax;

use super::SIZE_LIMIT;
use super::patient::{NoAnswer, STATES_PER_LOOK, end_with_query};

/// Maximum number of places kept at once, to bound the memory.
const MAX_PLACES: usize = 4 << 20;

/// Starts and ends of groups, two for each.
pub(super) type Places = [Option<NonMaxUsize>];

/// A pattern with its groups.
#[derive(Debug)]
pub(super) struct Pike(NFA);

/// Ways at one place of the text, best first.
struct Ways {
    order: Vec<StateID>,
    /// The position in `order` of each state, if the state is present.
    position: Vec<u32>,
    places: Vec<Option<NonMaxUsize>>,
    /// Number of places for each way.
    width: usize,
}

/// Work left at one place of the text.
enum Step {
    Explore(StateID),
    Restore(usize, Option<NonMaxUsize>),
}

impl Pike {
    /// For a pattern in the syntax of `regex`.
    pub(super) fn new(pattern: &str) -> Option<Pike> {
        let config = thompson::Config::new()
            .utf8(false)
            .nfa_size_limit(Some(SIZE_LIMIT));
        let nfa = thompson::Compiler::new()
            .syntax(syntax::Config::new().utf8(false))
            .configure(config)
            .build(pattern)
            .ok()?;
        Some(Pike(nfa))
    }

    /// Fills in the places of the match that begins at the start of `input` and lies within it.
    pub(super) fn fill(&self, input: &Input<'_>, places: &mut Places) -> Result<(), NoAnswer> {
        let (states, width) = (self.0.states().len(), places.len());
        if states.saturating_mul(width) > MAX_PLACES {
            return Err(NoAnswer::Unable);
        }
        let (mut here, mut next) = (Ways::new(states, width), Ways::new(states, width));
        let (mut found, mut visited) = (false, 0);
        let mut current = vec![None; width];
        self.follow(
            input,
            input.start(),
            self.0.start_anchored(),
            &mut current,
            &mut here,
        );
        for at in input.start()..=input.end() {
            if here.order.is_empty() {
                break;
            }
            visited += here.order.len();
            if visited >= STATES_PER_LOOK {
                visited = 0;
                end_with_query()?;
            }
            let byte = input.haystack().get(at).copied().filter(|_| at < input.end());
            for state in &here.order {
                let target = match (self.0.state(*state), byte) {
                    (State::Match { .. }, _) => {
                        places.copy_from_slice(here.places_of(*state));
                        found = true;
                        // The remaining ways are worse.
                        break;
                    }
                    (State::ByteRange { trans }, Some(byte)) => {
                        trans.matches_byte(byte).then_some(trans.next)
                    }
                    (State::Sparse(transitions), Some(byte)) => transitions.matches_byte(byte),
                    (State::Dense(transitions), Some(byte)) => transitions.matches_byte(byte),
                    _ => None,
                };
                if let Some(target) = target {
                    current.copy_from_slice(here.places_of(*state));
                    self.follow(input, at + 1, target, &mut current, &mut next);
                }
            }
            std::mem::swap(&mut here, &mut next);
            next.order.clear();
        }
        if found { Ok(()) } else { Err(NoAnswer::Unable) }
    }

    /// Adds a state, and the states it leads to without consuming a byte.
    fn follow(
        &self,
        input: &Input<'_>,
        at: usize,
        state: StateID,
        current: &mut [Option<NonMaxUsize>],
        ways: &mut Ways,
    ) {
        let mut steps = vec![Step::Explore(state)];
        while let Some(step) = steps.pop() {
            let mut state = match step {
                Step::Explore(state) => state,
                Step::Restore(slot, place) => {
                    if let Some(slot) = current.get_mut(slot) {
                        *slot = place;
                    }
                    continue;
                }
            };
            while ways.insert(state) {
                match self.0.state(state) {
                    State::Look { look, next } => {
                        if !self.0.look_matcher().matches(*look, input.haystack(), at) {
                            break;
                        }
                        state = *next;
                    }
                    State::Union { alternates } => {
                        let Some((first, others)) = alternates.split_first() else {
                            break;
                        };
                        steps.extend(others.iter().rev().copied().map(Step::Explore));
                        state = *first;
                    }
                    State::BinaryUnion { alt1, alt2 } => {
                        steps.push(Step::Explore(*alt2));
                        state = *alt1;
                    }
                    State::Capture { next, slot, .. } => {
                        if let Some(place) = current.get_mut(slot.as_usize()) {
                            steps.push(Step::Restore(slot.as_usize(), *place));
                            *place = NonMaxUsize::new(at);
                        }
                        state = *next;
                    }
                    _ => {
                        ways.keep(state, current);
                        break;
                    }
                }
            }
        }
    }
}

impl Ways {
    fn new(states: usize, width: usize) -> Ways {
        Ways {
            order: Vec::with_capacity(states),
            position: vec![0; states],
            places: vec![None; states * width],
            width,
        }
    }

    /// False when the state is already present.
    fn insert(&mut self, state: StateID) -> bool {
        let Some(position) = self.position.get_mut(state.as_usize()) else {
            return false;
        };
        if self.order.get(*position as usize) == Some(&state) {
            return false;
        }
        *position = u32::try_from(self.order.len()).unwrap_or(u32::MAX);
        self.order.push(state);
        true
    }

    fn keep(&mut self, state: StateID, places: &[Option<NonMaxUsize>]) {
        let start = state.as_usize() * self.width;
        if let Some(kept) = self.places.get_mut(start..start + self.width) {
            kept.copy_from_slice(places);
        }
    }

    fn places_of(&self, state: StateID) -> &[Option<NonMaxUsize>] {
        let start = state.as_usize() * self.width;
        self.places.get(start..start + self.width).unwrap_or_default()
    }
}
