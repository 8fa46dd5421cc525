//! Jitter: a fleet must not do everything at once.

/// A number below `bound`; 0 when that is 0.
pub(crate) fn random_below(bound: u64) -> u64 {
    if bound == 0 {
        return 0;
    }
    peregrine_wire::random::<8>().map_or(0, |bytes| u64::from_le_bytes(bytes) % bound)
}
