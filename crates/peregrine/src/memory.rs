//! The memory that queries of this program may hold: how it is measured and written.

use peregrine_engine::memory::{Gauge, Limits, Pool};
use peregrine_os::linux::{free_memory_for_us, own_memory_bytes};
use std::sync::Arc;

/// The limit for a command-line query if the available memory is unknown.
const UNKNOWN: u64 = 2 << 30;
/// The smallest useful limit.
const LEAST: u64 = 16 << 20;

/// How this program measures memory.
pub(crate) fn gauge() -> Gauge {
    Gauge {
        thread: peregrine_os::held_by_thread,
        process: taken,
    }
}

/// Bytes of memory this program takes. If that is unknown, the account of a query is used.
pub(crate) fn taken() -> u64 {
    own_memory_bytes().unwrap_or(u64::MAX)
}

/// For a user's query on this machine: half of the free memory, unless another number was given.
pub(crate) fn pool(given: Option<u64>) -> Arc<Pool> {
    let usual = || free_memory_for_us().map_or(UNKNOWN, |free| (free / 2).max(LEAST));
    let limits = Limits {
        query: given.unwrap_or_else(usual),
        all: None,
        process: None,
        advice: ", or allow more with --max-memory",
    };
    Pool::new(gauge(), limits)
}

/// For the queries of all users of a server: half of the free memory, and for one of them half of that, unless another
/// number was given.
#[cfg(feature = "server")]
pub(crate) fn server_pool(given: Option<u64>) -> Arc<Pool> {
    let free = free_memory_for_us().unwrap_or(UNKNOWN);
    let query = given.unwrap_or(free / 4).max(LEAST);
    let limits = Limits {
        query,
        all: Some((free / 2).max(query)),
        process: None,
        advice: ", or raise `defaults.query_max_memory` in the configuration of the server",
    };
    Pool::new(gauge(), limits)
}

/// Bytes: `300000000`, `300M`, `2G`.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text
        .get(digits.len()..)
        .unwrap_or_default()
        .to_ascii_lowercase()
        .as_str()
    {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        unit => {
            return Err(format!(
                "unknown unit `{unit}`; write bytes, or a number with K, M or G"
            ));
        }
    };
    let bytes = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift));
    match bytes {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(_) => Err("give 16M or more".to_owned()),
        None => Err("write bytes, or a number with K, M or G, such as `512M`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_size;

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("512M"), Ok(512 << 20));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("33554432"), Ok(32 << 20));
        assert_eq!(parse_size("1M"), Err("give 16M or more".into()));
        for text in ["", "M", "-5M", "1.5G", "12X", "99999999999G", "1é"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
