//! Bytes as characters and back, for libraries, scripts and protocols that accept only text.

use std::borrow::Cow;

use super::Str;

/// Where the characters for bytes that are not UTF-8 begin: the end of the last private plane.
const BYTES: u32 = 0x10_ff00;

/// Bytes as text in which each byte that is not UTF-8 becomes a character of its own, which
/// [`from_characters`] turns back into the byte: nothing is lost, and what differed still differs.
#[must_use]
pub fn as_characters(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() || !text.contains(is_stand_in) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut text = String::with_capacity(bytes.len() + 12);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_stand_in(c) {
                // Such a character is replaced by its bytes, because [`from_characters`] could not tell it
                // from one for a byte.
                text.extend(c.encode_utf8(&mut [0; 4]).bytes().filter_map(stand_in));
            } else {
                text.push(c);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(stand_in));
    }
    Cow::Owned(text)
}

/// The bytes of a text in which some characters may stand for bytes.
#[must_use]
pub fn from_characters(text: &str) -> Str {
    if text.is_ascii() || !text.contains(is_stand_in) {
        return Str::from(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        if is_stand_in(c) {
            bytes.push((u32::from(c) - BYTES) as u8);
        } else {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    Str::from(bytes)
}

/// True for a character that stands for a byte. Bytes that are not UTF-8 are never ASCII.
pub(crate) fn is_stand_in(c: char) -> bool {
    u32::from(c) >= BYTES + 0x80
}

fn stand_in(byte: u8) -> Option<char> {
    char::from_u32(BYTES + u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::{as_characters, from_characters};

    #[test]
    fn a_byte_that_is_no_text_is_one_character() {
        assert_eq!(as_characters(b"caf\xe9").chars().count(), 4);
        assert_ne!(as_characters(b"\xff"), as_characters(b"\xfe"));
        assert_eq!(as_characters("é".as_bytes()), "é");
    }

    proptest::proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes in proptest::collection::vec(
            proptest::prop_oneof![proptest::num::u8::ANY, proptest::sample::select(vec![0xf4_u8, 0x8f, 0xbf, 0xbe, 0xc3])],
            0..40,
        )) {
            let back = from_characters(&as_characters(&bytes));
            proptest::prop_assert_eq!(back.as_bytes(), &bytes[..]);
        }

        #[test]
        fn letters_that_look_like_bytes_stay_letters(text in "[a\u{10ff00}-\u{10ffff}é]{0,8}") {
            let back = from_characters(&as_characters(text.as_bytes()));
            proptest::prop_assert_eq!(back.as_bytes(), text.as_bytes());
        }
    }
}
