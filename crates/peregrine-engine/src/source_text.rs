//! VQL given as a string value, whose own strings may contain bytes that are not UTF-8.

use std::borrow::Cow;

/// The text to parse. Each byte that is not UTF-8 is written as the escape `\xNN`, which VQL strings read as
/// this byte; in `'''…'''` and in names, which have no escapes, it stays an escape.
pub(crate) fn source_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // After an escaping backslash the byte stands for itself, as it does without one.
            let is_escaped = text.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
            text.push_str(if is_escaped { "x" } else { "\\x" });
            text.push_str(&format!("{byte:02x}"));
        }
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::source_text;

    #[test]
    fn odd_bytes_become_escapes() {
        assert_eq!(source_text("x => 'é'".as_bytes()), "x => 'é'");
        assert_eq!(source_text(b"x => '\xe9\xff'"), r"x => '\xe9\xff'");
        assert_eq!(source_text(b"'\\\xff\\\\\xff'"), r"'\xff\\\xff'");
    }
}
