//! Numbers from text, by Go's rules.

/// A whole number with an optional base prefix (`0x`, `0o`, `0b`, octal `0`) and `_` between digits. Numbers
/// too large saturate; `None` for text that is not a number.
#[must_use]
pub fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    let magnitude = i128::from_str_radix(&digits, base).unwrap_or(i128::MAX);
    let value = if negative { -magnitude } else { magnitude };
    Some(i64::try_from(value).unwrap_or(if negative { i64::MIN } else { i64::MAX }))
}

/// [`parse_int`], or 0 for text that is not a number.
#[must_use]
pub fn parse_int_or_zero(text: &str) -> i64 {
    parse_int(text).unwrap_or(0)
}

/// A floating point number: decimal, with exponent, hexadecimal (`0x1p-2`), `inf`, `nan`; 0 for text that is
/// not a number.
#[must_use]
pub fn parse_float_or_zero(text: &str) -> f64 {
    let plain = text.replace('_', "");
    plain
        .parse()
        .ok()
        .or_else(|| parse_hex_float(&plain))
        .unwrap_or(0.0)
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    let (negative, rest) = match lower.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix('+').unwrap_or(&lower)),
    };
    let (mantissa, exponent) = rest.strip_prefix("0x")?.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let shift = exponent.saturating_sub(i32::try_from(fraction.len()).ok()?.saturating_mul(4));
    value *= 2f64.powi(shift);
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::{parse_float_or_zero, parse_int};

    #[test]
    fn ints() {
        for (text, expected) in [
            ("42", Some(42)),
            ("-0x10", Some(-16)),
            ("010", Some(8)),
            ("0b11", Some(3)),
            ("1_000", Some(1000)),
            ("0", Some(0)),
            ("99999999999999999999", Some(i64::MAX)),
            ("", None),
            ("-", None),
            ("0x", None),
            (" 1", None),
            ("089", None),
        ] {
            assert_eq!(parse_int(text), expected, "{text}");
        }
    }

    #[test]
    fn floats() {
        assert_eq!(parse_float_or_zero("1.5e3"), 1500.0);
        assert_eq!(parse_float_or_zero("0x1.8p1"), 3.0);
        assert_eq!(parse_float_or_zero("x"), 0.0);
        assert!(parse_float_or_zero("inf").is_infinite());
    }
}
