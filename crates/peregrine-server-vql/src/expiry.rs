//! When a hunt stops by itself, as queries say it: a time, or how long from now.

use peregrine_engine::prelude::*;
use peregrine_engine::time;
use peregrine_services::clock;

use crate::records::micros;

/// Smaller numbers are seconds from now: as times they would lie before September 2001.
const FIRST_TIME: f64 = 1e9;

/// The time in the form of the API; none if nothing is said.
pub(crate) fn expiry(scope: &Scope, given: Value) -> VqlResult<Option<String>> {
    let given = given.reduce(scope);
    let after = match &given {
        Value::Null => return Ok(None),
        Value::Str(text) if text.is_empty() => return Ok(None),
        Value::Str(text) => seconds(&text.as_utf8_lossy()),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => given.as_f64(),
        _ => None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "far from the limits, and microseconds do not matter"
    )]
    let at = match after.filter(|after| *after < FIRST_TIME) {
        Some(after) => Some(micros(scope.clock().now()).saturating_add((after * 1e6) as i64)),
        None => time::to_time(scope, &given).map(micros),
    };
    let shown = at.map(clock::show).filter(|shown| !shown.is_empty());
    let shown = shown.ok_or_else(|| {
        format!(
            "`expires` `{}` is neither a time nor a duration such as `12h` or `7d`",
            given.to_text(scope)
        )
    });
    Ok(Some(shown?))
}

/// Seconds of a number, or of a duration such as `90m` or `1d 12h`.
fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return rest.parse().ok();
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let mut tail = tail.chars();
        let unit = match tail.next()? {
            's' => 1.0,
            'm' => 60.0,
            'h' => 3600.0,
            'd' => 86_400.0,
            'w' => 604_800.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        rest = tail.as_str().trim_start();
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_from_times() {
        for (text, expected) in [
            ("3600", Some(3600.0)),
            ("90m", Some(5400.0)),
            ("1d 12h", Some(129_600.0)),
            ("1.5h30s", Some(5430.0)),
            ("2w", Some(1_209_600.0)),
            ("2030-01-31T12:00:00Z", None),
            ("10 years", None),
            ("m", None),
            ("1h5", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
