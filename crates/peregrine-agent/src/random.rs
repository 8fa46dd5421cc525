//! Random delays, so that a fleet does not do everything at once.

/// A random number below `bound`; 0 if `bound` is 0.
#[must_use]
pub fn random_below(bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    peregrine_wire::random::<8>().map_or(0, |bytes| u64::from_le_bytes(bytes) % bound)
}
