//! Directives on numbers.

use super::verb::escape;
use super::{Spec, pad, zero_padded};
use crate::value::{float_text, shortest, with_exponent};

/// False when the verb does not apply to whole numbers.
pub(super) fn int(out: &mut Vec<u8>, spec: &Spec, verb: char, number: i128) -> bool {
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match verb {
        'v' | 'd' => ("", magnitude.to_string()),
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        'o' => ("0", format!("{magnitude:o}")),
        'O' => ("0o", format!("{magnitude:o}")),
        'b' => ("0b", format!("{magnitude:b}")),
        'c' => {
            pad(out, spec, character(number).to_string().as_bytes());
            return true;
        }
        'q' => {
            let mut text = String::from("'");
            escape(&mut text, character(number), '\'', spec.plus);
            text.push('\'');
            pad(out, spec, text.as_bytes());
            return true;
        }
        'U' => {
            pad(out, spec, format!("U+{magnitude:04X}").as_bytes());
            return true;
        }
        _ => return false,
    };
    let digits = match spec.precision {
        Some(0) if number == 0 => String::new(),
        Some(precision) => zero_padded(&digits, precision),
        None => digits,
    };
    let prefix = if spec.sharp || verb == 'O' { prefix } else { "" };
    signed(out, spec, number < 0, prefix, &digits, spec.precision.is_none());
    true
}

/// False when the verb does not apply to floats.
pub(super) fn float(out: &mut Vec<u8>, spec: &Spec, verb: char, number: f64) -> bool {
    let magnitude = number.abs();
    let text = match verb {
        'e' | 'E' => scientific(magnitude, spec.precision.unwrap_or(6)),
        'f' | 'F' => fixed(magnitude, spec.precision.unwrap_or(6)),
        'v' | 'g' | 'G' => match spec.precision {
            None => float_text(magnitude),
            Some(precision) => general(magnitude, precision.max(1)),
        },
        'b' | 'x' | 'X' => hex(magnitude),
        _ => return false,
    };
    let text = if !number.is_finite() {
        if number.is_nan() {
            "NaN".to_owned()
        } else {
            "Inf".to_owned()
        }
    } else if verb.is_ascii_uppercase() && verb != 'F' {
        text.to_uppercase()
    } else {
        text
    };
    let plus = spec.plus || (number.is_infinite() && number > 0.0);
    let spec = Spec {
        plus,
        zero: spec.zero && number.is_finite(),
        ..spec.clone()
    };
    signed(
        out,
        &spec,
        number.is_sign_negative() && !number.is_nan(),
        "",
        &text,
        true,
    );
    true
}

/// Sign, prefix and digits; zeros pad between sign and digits.
fn signed(out: &mut Vec<u8>, spec: &Spec, negative: bool, prefix: &str, digits: &str, zeros: bool) {
    let sign = match (negative, spec.plus, spec.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        _ => "",
    };
    let digits = match spec.width {
        Some(width) if spec.zero && zeros => {
            let width = width.saturating_sub(sign.len());
            zero_padded(digits, width)
        }
        _ => digits.to_owned(),
    };
    pad(
        out,
        &Spec {
            zero: false,
            ..spec.clone()
        },
        format!("{sign}{prefix}{digits}").as_bytes(),
    );
}

fn character(number: i128) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// No float has more digits after the point; further ones are zeros, and the standard library panics at
/// 65,536.
const MAX_DIGITS: usize = 1100;

/// `1.500000`
fn fixed(number: f64, precision: usize) -> String {
    let mut text = format!("{number:.*}", precision.min(MAX_DIGITS));
    if number.is_finite() {
        text.push_str(&"0".repeat(precision.saturating_sub(MAX_DIGITS)));
    }
    text
}

/// `1.500000e+07`
fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.*e}", precision.min(MAX_DIGITS));
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let zeros = "0".repeat(precision.saturating_sub(MAX_DIGITS));
            with_exponent(&format!("{digits}{zeros}"), exponent.parse().unwrap_or(0), 2)
        }
        None => text,
    }
}

/// `%.3g`: significant digits, trailing zeros dropped.
fn general(number: f64, precision: usize) -> String {
    if number == 0.0 || !number.is_finite() {
        return float_text(number);
    }
    let precision = precision.min(MAX_DIGITS);
    let text = format!("{number:.*e}", precision - 1);
    let exponent: i32 = text
        .split_once('e')
        .and_then(|(_, e)| e.parse().ok())
        .unwrap_or(0);
    let strip = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        let digits = text.split_once('e').map_or("", |(digits, _)| digits);
        return with_exponent(&strip(digits), exponent, 2);
    }
    let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
    strip(&format!("{number:.decimals$}"))
}

/// `0x1.8p+01`
fn hex(number: f64) -> String {
    if number == 0.0 || !number.is_finite() {
        return if number == 0.0 {
            "0x0p+00".into()
        } else {
            shortest(number).0
        };
    }
    let bits = number.to_bits();
    let (mut exponent, mut mantissa) = ((bits >> 52 & 0x7ff) as i32, bits & ((1 << 52) - 1));
    if exponent == 0 {
        // A subnormal number, normalised to the form 1.…
        let shift = mantissa.leading_zeros() - 11;
        mantissa = (mantissa << shift) & ((1 << 52) - 1);
        exponent = 1 - shift as i32;
    }
    let digits = format!("{mantissa:013x}");
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    let power = exponent - 1023;
    let sign = if power < 0 { '-' } else { '+' };
    format!("0x1{point}{digits}p{sign}{:02}", power.unsigned_abs())
}
