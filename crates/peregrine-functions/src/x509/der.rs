//! The encoding of certificates: tag, length, content (ITU-T X.690, DER).

use peregrine_engine::prelude::Time;

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// One element. Tags above 30 do not occur in the formats read here.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Including tag and length.
    pub(super) whole: &'a [u8],
}

/// Consecutive elements.
#[derive(Clone, Copy)]
pub(super) struct Elements<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    /// The next one; `None` at the end, and where the encoding is broken.
    fn next(&mut self) -> Option<Element<'a>> {
        let input = self.0;
        let (tag, first) = (*input.first()?, *input.get(1)?);
        let (length, header) = match first {
            0..=0x7f => (usize::from(first), 2),
            0x81..=0x84 => {
                let size = usize::from(first & 0x7f);
                let bytes = input.get(2..2 + size)?;
                let length = bytes
                    .iter()
                    .fold(0usize, |length, byte| (length << 8) | usize::from(*byte));
                (length, 2 + size)
            }
            _ => return None,
        };
        let end = header.checked_add(length)?;
        let whole = input.get(..end)?;
        self.0 = &input[end..];
        Some(Element {
            tag,
            content: &whole[header..],
            whole,
        })
    }
}

impl<'a> Elements<'a> {
    /// The next element if it has this tag; otherwise it is not consumed.
    pub(super) fn tagged(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let found = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(found)
    }
}

impl<'a> Element<'a> {
    pub(super) fn inside(&self) -> Elements<'a> {
        Elements(self.content)
    }

    /// The number; `None` when it has more than 64 bits.
    pub(super) fn number(&self) -> Option<i64> {
        if self.tag != INTEGER && self.tag & 0xc0 != 0x80 {
            return None;
        }
        let (first, rest) = self.content.split_first()?;
        if rest.len() > 7 {
            return None;
        }
        let start = i64::from(*first as i8);
        Some(
            rest.iter()
                .fold(start, |number, byte| (number << 8) | i64::from(*byte)),
        )
    }
}

/// `1.2.840.113549`.
pub(super) fn oid_text(content: &[u8]) -> String {
    let mut text = String::new();
    let mut number = 0u64;
    for byte in content.iter().take(256) {
        number = (number << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        if text.is_empty() {
            let first = (number / 40).min(2);
            text = format!("{first}.{}", number - first * 40);
        } else {
            text.push_str(&format!(".{number}"));
        }
        number = 0;
    }
    text
}

/// The text of any string type.
pub(super) fn text(element: &Element<'_>) -> String {
    match element.tag {
        // BMPString: two bytes per character.
        0x1e => utf16_be(element.content),
        // UniversalString: four bytes per character.
        0x1c => {
            let characters = element.content.chunks_exact(4);
            characters
                .map(|c| char::from_u32(u32::from_be_bytes([c[0], c[1], c[2], c[3]])).unwrap_or('\u{fffd}'))
                .collect()
        }
        _ => String::from_utf8_lossy(element.content).into_owned(),
    }
}

pub(super) fn utf16_be(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or('\u{fffd}'))
        .collect()
}

pub(super) fn utf16_le(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units)
        .map(|c| c.unwrap_or('\u{fffd}'))
        .collect();
    text.trim_end_matches('\0').to_owned()
}

/// UTCTime or GeneralizedTime.
pub(super) fn time(element: &Element<'_>) -> Option<Time> {
    let digits = std::str::from_utf8(element.content).ok()?.strip_suffix('Z')?;
    let digits = digits.split('.').next()?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let full = match (element.tag, digits.len()) {
        (0x17, 12) => format!("{}{digits}", if digits < "5" { "20" } else { "19" }),
        (0x18, 14) => digits.to_owned(),
        _ => return None,
    };
    let at = |from: usize, to: usize| full.get(from..to).unwrap_or_default();
    let text = format!(
        "{}-{}-{}T{}:{}:{}Z",
        at(0, 4),
        at(4, 6),
        at(6, 8),
        at(8, 10),
        at(10, 12),
        at(12, 14)
    );
    peregrine_engine::time::parse_rfc3339(&text)
}

/// Hex digits of a number, without leading zeros.
pub(super) fn number_hex(content: &[u8]) -> String {
    let text = data_encoding::HEXLOWER.encode(content);
    let digits = text.trim_start_matches('0');
    if digits.is_empty() {
        "0".into()
    } else {
        digits.to_owned()
    }
}
