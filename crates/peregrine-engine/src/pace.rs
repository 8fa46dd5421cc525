//! How often a thread that works for queries looks at what costs more than a flag: the memory it holds, the clock.
//!
//! The distances between the looks are mixed. Steps come in patterns, one for the outer query and one for the inner, and
//! with a fixed distance one of them might be the one that never looks.

use std::cell::Cell;

/// Steps between two looks, in the middle. What a few steps take is little: who allocates much asks before.
const MEAN: u32 = 8;
/// Looks of which one is at the clock, too.
const LOOKS_PER_CLOCK: u32 = 8;

thread_local! {
    /// Steps left before the next look.
    static LEFT: Cell<u32> = const { Cell::new(0) };
    static MIXED: Cell<u32> = const { Cell::new(0) };
}

/// What is to be looked at.
pub(crate) struct Look {
    pub(crate) is_clock_due: bool,
}

/// Counts a step; false when it is time to look.
#[inline]
pub(crate) fn pass() -> bool {
    LEFT.with(|left| {
        let steps = left.get();
        left.set(steps.wrapping_sub(1));
        steps != 0
    })
}

/// To be called when [`pass`] says that it is time.
pub(crate) fn begin() -> Look {
    // A linear congruential generator with Knuth's numbers; its high bits are the good ones.
    let mixed = MIXED.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    MIXED.set(mixed);
    LEFT.set(MEAN / 2 + (mixed >> 16) % MEAN);
    Look {
        is_clock_due: (mixed >> 24).is_multiple_of(LOOKS_PER_CLOCK),
    }
}

/// The next step looks.
pub(crate) fn hurry() {
    LEFT.set(0);
}

#[cfg(test)]
mod tests {
    use super::{Look, begin, pass};

    #[test]
    fn whoever_steps_in_a_pattern_gets_to_look() {
        for period in 2..20 {
            let mut clocks = vec![0; period];
            for step in 0..20_000 * period {
                if !pass() {
                    let Look { is_clock_due } = begin();
                    clocks[step % period] += u32::from(is_clock_due);
                }
            }
            let least = clocks.iter().min().copied().unwrap_or(0);
            // One of 64 steps on average, 312 of these.
            assert!(least > 150, "{clocks:?} with a period of {period}");
        }
    }
}
