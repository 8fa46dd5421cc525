//! Text to search that need not be UTF-8: each byte that is none counts as one character, U+FFFD, as it does for RE2.
//!
//! The `regex` crate passes over such bytes instead: `.` does not match them. So where there are any, what is searched is
//! the text with U+FFFD in their place, and what is found there is led back to the bytes themselves.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// What one byte that is no UTF-8 becomes.
const REPLACEMENT: &[u8] = "\u{fffd}".as_bytes();
/// Bytes between two places where the text's offset is kept: what finding an offset costs at most.
const STEP: usize = 512;

/// Bytes, and how they are searched. Cloning shares both.
#[derive(Debug, Clone)]
pub struct Haystack<'t> {
    bytes: &'t [u8],
    replaced: Option<Arc<Replaced>>,
    /// Where this part of the bytes begins, in the text and in the bytes that it was made of.
    start: Place,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    text: usize,
    byte: usize,
}

#[derive(Debug)]
struct Replaced {
    text: Vec<u8>,
    /// Starts of characters, in order, the first one among them.
    marks: Vec<Place>,
}

impl<'t> Haystack<'t> {
    /// Prepares bytes for a search. Costs a look at each, and three times their size where some are no UTF-8.
    #[must_use]
    pub fn new(bytes: &'t [u8]) -> Haystack<'t> {
        let is_text = bytes.is_ascii() || std::str::from_utf8(bytes).is_ok();
        Haystack {
            bytes,
            replaced: (!is_text).then(|| Arc::new(Replaced::new(bytes))),
            start: Place::default(),
        }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &'t [u8] {
        self.bytes.get(self.start.byte..).unwrap_or_default()
    }

    /// What follows so many bytes, as a text of its own: `^` matches at its start.
    #[must_use]
    pub fn tail(&self, skipped: usize) -> Haystack<'t> {
        let byte = self.start.byte.saturating_add(skipped).min(self.bytes.len());
        let text = match &self.replaced {
            Some(replaced) => replaced.text_offset(self.bytes, byte),
            None => byte,
        };
        Haystack {
            start: Place { text, byte },
            ..self.clone()
        }
    }

    /// What is searched instead of the bytes.
    pub(super) fn text(&self) -> &[u8] {
        match &self.replaced {
            Some(replaced) => replaced.text.get(self.start.text..).unwrap_or_default(),
            None => self.bytes(),
        }
    }

    /// A part of the text as a part of the bytes.
    pub(super) fn range(&self, part: Range<usize>) -> Range<usize> {
        let Some(replaced) = &self.replaced else {
            return part;
        };
        let place = |text: usize| replaced.byte_offset(self.bytes, self.start.text + text) - self.start.byte;
        place(part.start)..place(part.end)
    }
}

impl Replaced {
    fn new(bytes: &[u8]) -> Replaced {
        let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 4);
        let mut marks = vec![Place::default()];
        let (mut byte, mut due) = (0, STEP);
        for chunk in bytes.utf8_chunks() {
            let valid = chunk.valid();
            while due <= byte + valid.len() {
                let within = valid.floor_char_boundary(due.saturating_sub(byte));
                marks.push(Place {
                    text: text.len() + within,
                    byte: byte + within,
                });
                due = byte + within + STEP;
            }
            text.extend_from_slice(valid.as_bytes());
            byte += valid.len();
            for _ in chunk.invalid() {
                text.extend_from_slice(REPLACEMENT);
            }
            byte += chunk.invalid().len();
        }
        Replaced { text, marks }
    }

    /// The byte a place in the text stands for.
    fn byte_offset(&self, bytes: &[u8], wanted: usize) -> usize {
        let (mut at, part) = self.near(bytes, |mark| mark.text <= wanted);
        for chunk in part.utf8_chunks() {
            let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
            if wanted <= at.text + valid {
                return at.byte + (wanted - at.text);
            }
            at.byte += valid;
            at.text += valid;
            let passed = ((wanted - at.text) / REPLACEMENT.len()).min(invalid);
            if passed < invalid {
                return at.byte + passed;
            }
            at.byte += invalid;
            at.text += invalid * REPLACEMENT.len();
        }
        at.byte
    }

    /// Where a byte stands in the text.
    fn text_offset(&self, bytes: &[u8], wanted: usize) -> usize {
        let (mut at, part) = self.near(bytes, |mark| mark.byte <= wanted);
        for chunk in part.utf8_chunks() {
            let (valid, invalid) = (chunk.valid().len(), chunk.invalid().len());
            if wanted <= at.byte + valid {
                return at.text + (wanted - at.byte);
            }
            at.byte += valid;
            at.text += valid;
            let passed = (wanted - at.byte).min(invalid);
            at.text += passed * REPLACEMENT.len();
            if passed < invalid {
                return at.text;
            }
            at.byte += invalid;
        }
        at.text
    }

    /// The last mark that is not past what is looked for, and the bytes from there to the next mark.
    fn near<'b>(&self, bytes: &'b [u8], is_before: impl Fn(&Place) -> bool) -> (Place, &'b [u8]) {
        let next = self.marks.partition_point(is_before);
        let mark = next
            .checked_sub(1)
            .and_then(|last| self.marks.get(last))
            .copied()
            .unwrap_or_default();
        let end = self.marks.get(next).map_or(bytes.len(), |mark| mark.byte);
        (mark, bytes.get(mark.byte..end).unwrap_or_default())
    }
}

/// Text with U+FFFD in place of each byte that is no UTF-8.
#[must_use]
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    let mut chunks = bytes.utf8_chunks();
    let mut text = match chunks.next() {
        Some(only) if only.invalid().is_empty() => return Cow::Borrowed(only.valid()),
        None => return Cow::Borrowed(""),
        Some(first) => shown(String::with_capacity(bytes.len() + 16), &first),
    };
    for chunk in chunks {
        text = shown(text, &chunk);
    }
    Cow::Owned(text)
}

fn shown(mut text: String, chunk: &std::str::Utf8Chunk<'_>) -> String {
    text.push_str(chunk.valid());
    text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    text
}
