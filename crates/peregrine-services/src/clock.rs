//! Time as the server stores it (microseconds) and shows it (RFC 3339).

use jiff::Timestamp;
use peregrine_store::Micros;

/// Now, in microseconds since the epoch.
pub fn now() -> Micros {
    Timestamp::now().as_microsecond()
}

/// Now, in nanoseconds since the epoch.
pub fn now_ns() -> i64 {
    now().saturating_mul(1000)
}

/// RFC 3339, UTC.
pub fn show(at: Micros) -> String {
    Timestamp::from_microsecond(at)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// Parses RFC 3339.
pub fn parse(text: &str) -> Option<Micros> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}
