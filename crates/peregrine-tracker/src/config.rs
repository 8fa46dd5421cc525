//! Bounds of a tracker.

use crate::Span;

/// Bounds of a tracker; start from `Config::default()`.
#[derive(Debug, Clone)]
pub struct Config {
    /// Maximum number of processes, living and exited together.
    pub max_size: usize,
    /// Average memory that a record may take; with longer command lines, fewer records are kept.
    pub max_record_bytes: u64,
    /// How long an exited process without known children is kept.
    pub max_expiry: Span,
    /// Maximum number of program images per process (including the current one); at least 1.
    pub max_images: usize,
    /// How far the clocks of different feeds may disagree before an absence or a second exit is believed.
    pub clock_skew: Span,
    /// How often statistics are sent to subscribers.
    pub stats_period: Span,
    /// Maximum number of changed records waiting for a flush; beyond it, the flush writes the whole state
    /// instead.
    pub max_pending: usize,
    /// The journal is rewritten when it is both longer than this and longer than twice the last full state.
    pub min_journal: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_size: 10_000,
            max_record_bytes: 2048,
            max_expiry: Span::from_seconds(86_400),
            max_images: 8,
            clock_skew: Span::from_millis(50),
            stats_period: Span::from_seconds(60),
            max_pending: 100_000,
            min_journal: 4 << 20,
        }
    }
}
