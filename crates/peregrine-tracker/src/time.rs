//! Points in time: nanoseconds since 1970, always passed as an argument, never read from a clock.

/// A point in time, in nanoseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;

impl Time {
    /// The earliest time there is.
    pub const MIN: Time = Time(i64::MIN);
    /// The latest time there is.
    pub const MAX: Time = Time(i64::MAX);

    /// Makes a time from nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Time {
        Time(nanos)
    }

    /// Makes a time from milliseconds since 1970, clipped to the range.
    pub const fn from_millis(millis: i64) -> Time {
        Time(millis.saturating_mul(SECOND / 1000))
    }

    /// Makes a time from whole seconds since 1970, clipped to the range.
    pub const fn from_seconds(seconds: i64) -> Time {
        Time(seconds.saturating_mul(SECOND))
    }

    /// Nanoseconds since 1970.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    /// This time plus `span`; clipped, never wrapping.
    pub const fn plus(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }

    /// This time minus `span`; clipped, never wrapping.
    pub const fn minus(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }

    /// The absolute difference between the two times.
    pub const fn distance(self, other: Time) -> Span {
        Span(self.0.saturating_sub(other.0).saturating_abs())
    }
}

/// A duration in nanoseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

impl Span {
    /// The empty duration.
    pub const ZERO: Span = Span(0);

    /// Makes a duration from nanoseconds; negative numbers count as zero.
    pub const fn from_nanos(nanos: i64) -> Span {
        Span(if nanos < 0 { 0 } else { nanos })
    }

    /// Makes a duration from milliseconds.
    pub const fn from_millis(millis: i64) -> Span {
        Span::from_nanos(millis.saturating_mul(SECOND / 1000))
    }

    pub const fn from_seconds(seconds: i64) -> Span {
        Span::from_nanos(seconds.saturating_mul(SECOND))
    }

    /// Nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}
