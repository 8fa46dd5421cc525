//! Decimal numbers of PostgreSQL, in the server's notation.

use super::reader::Reader;

/// Number of digits (base 10,000), weight of the first, sign, decimal places; then the digits.
pub(super) fn text(reader: &mut Reader<'_>) -> Result<String, String> {
    let (count, weight, sign, places) = (reader.u16()?, reader.i16()?, reader.u16()?, reader.u16()?);
    match sign {
        0xc000 => return Ok("NaN".to_owned()),
        0xd000 => return Ok("Infinity".to_owned()),
        0xf000 => return Ok("-Infinity".to_owned()),
        _ => {}
    }
    let mut digits = Vec::new();
    for _ in 0..count {
        digits.push(reader.u16()?);
    }
    let digit = |place: i32| {
        let at = usize::try_from(i32::from(weight) - place).ok();
        at.and_then(|at| digits.get(at)).copied().unwrap_or(0)
    };
    let mut text = String::new();
    if sign == 0x4000 {
        text.push('-');
    }
    let mut whole = String::new();
    for place in (0..=i32::from(weight.max(0))).rev() {
        whole.push_str(&format!("{:04}", digit(place)));
    }
    let whole = whole.trim_start_matches('0');
    text.push_str(if whole.is_empty() { "0" } else { whole });
    if places > 0 {
        let mut fraction = String::new();
        for place in 1..=i32::from(places.div_ceil(4)) {
            fraction.push_str(&format!("{:04}", digit(-place)));
        }
        text.push('.');
        text.extend(fraction.chars().take(usize::from(places)));
    }
    Ok(text)
}
