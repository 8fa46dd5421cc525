//! Text that PostgreSQL cannot store: it does not allow zero bytes. Endpoints send them in names and messages, and
//! nothing may hide behind them, so they are stored as two characters and converted back when read.

use std::borrow::Cow;

/// Starts a two-character escape; a literal one is doubled.
const ESCAPE: char = '\u{1a}';
/// After [`ESCAPE`]: a zero byte.
const ZERO: char = '0';

/// Converts a text to its stored form.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains([ESCAPE, '\0']) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            ESCAPE => stored.extend([ESCAPE, ESCAPE]),
            '\0' => stored.extend([ESCAPE, ZERO]),
            other => stored.push(other),
        }
    }
    Cow::Owned(stored)
}

/// Converts a stored text back.
pub(super) fn unescaped(stored: &str) -> Cow<'_, str> {
    if !stored.contains(ESCAPE) {
        return Cow::Borrowed(stored);
    }
    let mut original = String::with_capacity(stored.len());
    let mut characters = stored.chars();
    while let Some(character) = characters.next() {
        match character {
            ESCAPE => match characters.next() {
                Some(ZERO) => original.push('\0'),
                Some(other) => original.push(other),
                None => original.push(ESCAPE),
            },
            other => original.push(other),
        }
    }
    Cow::Owned(original)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_has_no_zero_and_comes_back() {
        for text in [
            "",
            "plain",
            "a\0b",
            "\u{1a}",
            "\u{1a}0",
            "\0\u{1a}\0",
            "\u{1a}\u{1a}0\0",
        ] {
            let kept = escaped(text);
            assert!(!kept.contains('\0'), "{text:?}");
            assert_eq!(unescaped(&kept), text);
        }
    }
}
