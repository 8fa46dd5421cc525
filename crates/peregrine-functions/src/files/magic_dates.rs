//! Dates in the descriptions of `magic()`, written as libmagic writes them.

use std::ops::Range;

use peregrine_engine::prelude::ZoneId;
use peregrine_engine::time::{format_layout, parse_layout};

/// Rewrites the dates in a description from the library's format (`2023-11-14 16:14:56`) to libmagic's. Text
/// from the file itself is in quotes, and is left alone.
pub(super) fn as_libmagic<'p>(message: String, parts: impl Iterator<Item = &'p str>) -> String {
    let mut message = message;
    let mut done = 0;
    for part in parts {
        for (place, shown) in dates(part) {
            let (Some(date), Some(rest)) = (part.get(place), message.get(done..)) else {
                continue;
            };
            if let Some(at) = rest.find(date).map(|at| at + done) {
                message.replace_range(at..at + date.len(), &shown);
                done = at + shown.len();
            }
        }
    }
    message
}

/// The positions of dates, and how libmagic prints them: instants as `ctime(3)` does, MS-DOS dates in its own
/// way.
fn dates(part: &str) -> Vec<(Range<usize>, String)> {
    let bytes = part.as_bytes();
    let mut found = Vec::new();
    let mut is_quoted = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        is_quoted ^= *byte == b'"';
        let follows_word = at
            .checked_sub(1)
            .and_then(|before| bytes.get(before))
            .is_some_and(|before| before.is_ascii_alphanumeric() || *before == b'-');
        if !is_quoted && !follows_word && byte.is_ascii_digit() {
            let read = |read: &str, shown: &str| {
                let time = parse_layout(read, part.get(at..at + read.len())?, ZoneId::UTC)?;
                Some((at..at + read.len(), format_layout(shown, time)))
            };
            let moment = read("2006-01-02 15:04:05", "Mon Jan _2 15:04:05 2006");
            if let Some((place, shown)) = moment.or_else(|| read("2006-01-02", "Mon, Jan 02 2006")) {
                at = place.end;
                found.push((place, shown));
                continue;
            }
        }
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::as_libmagic;

    #[test]
    fn dates_are_those_of_libmagic() {
        let shown = |parts: &[&str]| as_libmagic(parts.concat(), parts.iter().copied());
        assert_eq!(
            shown(&[
                "gzip, was \"2023-11-14\"",
                ", last modified: 2023-11-04 16:14:56, from Unix"
            ]),
            "gzip, was \"2023-11-14\", last modified: Sat Nov  4 16:14:56 2023, from Unix"
        );
        assert_eq!(
            shown(&["Zip, last modified 2026-11-29", " 02:42:50, size 6"]),
            "Zip, last modified Sun, Nov 29 2026 02:42:50, size 6"
        );
        assert_eq!(
            shown(&["version 2023-13-01, x1999-01-01, 2023-11"]),
            "version 2023-13-01, x1999-01-01, 2023-11"
        );
    }
}
