//! The values of literals: numbers, strings and names in backticks.

use crate::ast::Number;

/// The value of a number as typed: a 64-bit integer with a base prefix (`0x` hex, leading `0` octal) if
/// possible, else a float, else neither.
pub(crate) fn number(source: &str) -> Number {
    if let Some(value) = integer(source) {
        return Number::Int(value);
    }
    match source.parse::<f64>() {
        Ok(value) if value.is_finite() => Number::Float(value),
        _ => Number::Unparsable,
    }
}

fn integer(source: &str) -> Option<i64> {
    let (sign, digits) = match source.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", source),
    };
    let (radix, digits) = match digits.strip_prefix("0x") {
        Some(hex) => (16, hex),
        None if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        None => (10, digits),
    };
    // Including the sign, because the most negative integer has no positive counterpart.
    if digits.starts_with(['+', '-']) {
        None
    } else {
        i64::from_str_radix(&format!("{sign}{digits}"), radix).ok()
    }
}

/// The bytes of `'…'` or `"…"`, quotes included in `source`.
///
/// `
///  \r \t` and `\xHH` are the only escapes; any other `\c` is `c`. A `\x` with fewer than two bytes left
/// drops the rest; one without hex digits is kept as typed.
pub(crate) fn string(source: &str) -> Vec<u8> {
    let inner = source
        .get(1..source.len().saturating_sub(1))
        .unwrap_or_default()
        .as_bytes();
    let mut value = Vec::with_capacity(inner.len());
    let mut at = 0;
    while let Some(&byte) = inner.get(at) {
        at += 1;
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let Some(&escape) = inner.get(at) else { break };
        at += 1;
        match escape {
            b'n' => value.push(b'\n'),
            b'r' => value.push(b'\r'),
            b't' => value.push(b'\t'),
            b'x' | b'X' => {
                let Some(&[high, low]) = inner.get(at..at + 2) else {
                    break;
                };
                match (hex_digit(high), hex_digit(low)) {
                    (Some(high), Some(low)) => {
                        value.push((high << 4 | low) as u8);
                        at += 2;
                    }
                    _ => value.extend_from_slice(&[b'\\', escape]),
                }
            }
            other => value.push(other),
        }
    }
    value
}

/// The bytes of `'''…'''`.
pub(crate) fn raw_string(source: &str) -> &[u8] {
    source
        .get(3..source.len().saturating_sub(3))
        .unwrap_or_default()
        .as_bytes()
}

/// The name between backticks, or the text itself without them.
pub(crate) fn bare_name(source: &str) -> &str {
    source
        .strip_prefix('`')
        .and_then(|name| name.strip_suffix('`'))
        .unwrap_or(source)
}

/// A name where it is *defined*: character escapes inside backticks are decoded. An unknown escape drops
/// everything before it and ends the decoding.
pub(crate) fn decoded_name(source: &str) -> String {
    let mut rest = bare_name(source);
    let mut name = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        let Some((decoded, length)) = escape(&rest[at + 1..]) else {
            return rest[at..].to_owned();
        };
        name.push_str(&rest[..at]);
        name.push(decoded);
        rest = &rest[at + 1 + length..];
    }
    name.push_str(rest);
    name
}

/// Decodes one escape after its backslash: the character and its length in bytes.
fn escape(text: &str) -> Option<(char, usize)> {
    let simple = |decoded| Some((decoded, 1));
    match text.bytes().next()? {
        b'a' => simple('\u{7}'),
        b'b' => simple('\u{8}'),
        b'f' => simple('\u{c}'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\u{b}'),
        b'\\' => simple('\\'),
        b'x' => coded(text, 1, 2, 16),
        b'u' => coded(text, 1, 4, 16),
        b'U' => coded(text, 1, 8, 16),
        b'0'..=b'7' => coded(text, 0, 3, 8).filter(|(decoded, _)| u32::from(*decoded) < 256),
        _ => None,
    }
}

fn coded(text: &str, skip: usize, digits: usize, radix: u32) -> Option<(char, usize)> {
    let code = text.get(skip..skip + digits)?;
    if !code.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let decoded = u32::from_str_radix(code, radix).ok().and_then(char::from_u32)?;
    Some((decoded, skip + digits))
}

fn hex_digit(byte: u8) -> Option<u32> {
    char::from(byte).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let cases = [
            ("42", Number::Int(42)),
            ("0", Number::Int(0)),
            ("00", Number::Int(0)),
            ("0x2A", Number::Int(42)),
            ("052", Number::Int(42)),
            ("-010", Number::Int(-8)),
            ("-0x10", Number::Int(-16)),
            ("089", Number::Float(89.0)),
            (".25", Number::Float(0.25)),
            ("-.5", Number::Float(-0.5)),
            ("3e+2", Number::Float(300.0)),
            ("-9223372036854775808", Number::Int(i64::MIN)),
            ("9223372036854775808", Number::Float(9223372036854775808.0)),
            ("0xFFFFFFFFFFFFFFFF", Number::Unparsable),
            ("1e999", Number::Unparsable),
        ];
        for (source, expected) in cases {
            assert_eq!(number(source), expected, "{source}");
        }
    }

    #[test]
    fn strings() {
        let cases: [(&str, &[u8]); 9] = [
            (r"'p\q\z\0\a'", b"pqz0a"),
            (r"'\x41\X42\x7a'", b"ABz"),
            (r"'\xf0\xf1'", b"\xf0\xf1"),
            (r"'ab\x4'", b"ab"),
            (r"'cd\x'", b"cd"),
            (r"'k\xZZ!'", br"k\xZZ!"),
            (r#""a\"b\\""#, br#"a"b\"#),
            ("''", b""),
            (r"'\ż'", "ż".as_bytes()),
        ];
        for (source, expected) in cases {
            assert_eq!(string(source), expected, "{source}");
        }
    }

    #[test]
    fn names() {
        for (source, expected) in [
            ("a", "a"),
            (r"`a\tb`", "a\tb"),
            (r"`\u0041\x42\103`", "ABC"),
            (r"`ab\tc\qd`", r"\qd"),
            (r"`a\`", r"\"),
        ] {
            assert_eq!(decoded_name(source), expected, "{source}");
        }
    }
}
