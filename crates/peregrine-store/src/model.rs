//! What records of every kind have in common. Times are microseconds since the epoch, UTC.

/// Microseconds since the epoch, UTC.
pub type Micros = i64;

/// A page of a longer list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// How many match, exactly.
    pub total: u64,
    /// The part asked for.
    pub items: Vec<T>,
}
