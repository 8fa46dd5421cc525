//! Which parts of a long match belong to which group, with an end when the query ends.
//!
//! All ways through the pattern are followed at once, each with the places of its groups, as a Pike machine does. It is slow
//! and only looks at what is known to match.

use regex_automata::Input;
use regex_automata::nfa::thompson::{self, NFA, State};
use regex_automata::util::primitives::{NonMaxUsize, StateID};
use regex_automata::util::syntax;

use super::SIZE_LIMIT;
use super::patient::{NoAnswer, STATES_PER_LOOK, end_with_query};

/// Places kept at once; beyond it takes too much memory.
const MAX_PLACES: usize = 4 << 20;

/// Where groups begin and end, two for each.
pub(super) type Places = [Option<NonMaxUsize>];

/// A pattern with its groups.
#[derive(Debug)]
pub(super) struct Pike(NFA);

/// Ways at one place of the text, best first.
struct Ways {
    order: Vec<StateID>,
    /// For each state the position in `order` it would have, which tells whether it is there.
    position: Vec<u32>,
    places: Vec<Option<NonMaxUsize>>,
    /// Places of each.
    width: usize,
}

/// What is still to be done at one place of the text.
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

    /// Fills in the places of the match that begins where this part of the text does, and is all of it or less.
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
                        // The others are worse.
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

    /// Adds a state, and what it leads to without a further byte.
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

    /// False when the state is there already.
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
