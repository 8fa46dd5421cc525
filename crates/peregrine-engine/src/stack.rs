//! Native stack for recursion in the language.
//!
//! The language allows a thousand nested scopes; each takes several native frames. Instead of asking every
//! host for big threads, the stack grows in segments where the language recurses.

/// Room that must be left before going deeper.
const RED_ZONE: usize = 192 * 1024;
/// Size of a new segment.
const SEGMENT: usize = 4 * 1024 * 1024;

/// Runs `work` with enough native stack.
#[inline]
pub(crate) fn grow<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(RED_ZONE, SEGMENT, work)
}
