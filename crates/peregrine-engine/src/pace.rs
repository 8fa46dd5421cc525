//! How often a thread that works for queries performs the checks that cost more than a flag: memory and
//! clock.
//!
//! The distances between checks vary. Steps come in patterns, for example one for the outer query and one for
//! the inner, and with a fixed distance one of them might never be the one that checks.

use std::cell::Cell;

/// Average number of steps between two checks. A few steps allocate little: code that allocates much asks
/// before.
const MEAN: u32 = 8;
/// One in this many checks also reads the clock.
const LOOKS_PER_CLOCK: u32 = 8;

thread_local! {
    /// Steps left before the next check.
    static LEFT: Cell<u32> = const { Cell::new(0) };
    static MIXED: Cell<u32> = const { Cell::new(0) };
}

/// What to check.
pub(crate) struct Look {
    pub(crate) is_clock_due: bool,
}

/// Counts a step; false when a check is due.
#[inline]
pub(crate) fn pass() -> bool {
    LEFT.with(|left| {
        let steps = left.get();
        left.set(steps.wrapping_sub(1));
        steps != 0
    })
}

/// To be called when [`pass`] says that a check is due.
pub(crate) fn begin() -> Look {
    // A linear congruential generator with Knuth's constants; its high bits are the good ones.
    let mixed = MIXED.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    MIXED.set(mixed);
    LEFT.set(MEAN / 2 + (mixed >> 16) % MEAN);
    Look {
        is_clock_due: (mixed >> 24).is_multiple_of(LOOKS_PER_CLOCK),
    }
}

/// Makes the next step check.
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
