//! Text to search that need not be UTF-8: as in RE2, each invalid byte counts as one character, U+FFFD.
//!
//! The `regex` crate skips such bytes instead: `.` does not match them. So if there are any, the search runs
//! on text with U+FFFD in their place, and its results are mapped back to the bytes. Patterns that contain
//! such bytes (RE2 refuses them) look for exactly these bytes: for them each is a distinct character, as in
//! `value/characters.rs`.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::value::{as_characters, is_stand_in};

/// Bytes between two places where the text's offset is stored: the most that finding an offset costs.
const STEP: usize = 512;

/// Bytes in the form in which they are searched. Clones share both.
#[derive(Debug, Clone)]
pub struct Haystack<'t> {
    bytes: &'t [u8],
    replaced: Option<Arc<Replaced>>,
    /// Where this part begins, in the text and in the original bytes.
    start: Place,
    /// The same text for patterns that distinguish invalid bytes, once one was used.
    apart: OnceLock<Box<Haystack<'t>>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    text: usize,
    byte: usize,
}

#[derive(Debug)]
struct Replaced {
    text: Vec<u8>,
    marker: Marker,
    /// Starts of characters, in order, the first one among them.
    marks: Vec<Place>,
}

impl<'t> Haystack<'t> {
    /// Prepares bytes for a search. Costs one pass over them, and three times their size if some are not
    /// UTF-8.
    #[must_use]
    pub fn new(bytes: &'t [u8]) -> Haystack<'t> {
        let is_text = bytes.is_ascii() || std::str::from_utf8(bytes).is_ok();
        Haystack {
            bytes,
            replaced: (!is_text).then(|| Arc::new(Replaced::new(bytes, Marker::Same))),
            start: Place::default(),
            apart: OnceLock::new(),
        }
    }

    /// The form for patterns in which bytes that are not UTF-8 stand for themselves.
    pub(super) fn telling_bytes_apart(&self) -> &Haystack<'t> {
        self.apart.get_or_init(|| {
            let bytes = self.bytes();
            Box::new(Haystack {
                bytes,
                replaced: Some(Arc::new(Replaced::new(bytes, Marker::EachItsOwn))),
                start: Place::default(),
                apart: OnceLock::new(),
            })
        })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &'t [u8] {
        self.bytes.get(self.start.byte..).unwrap_or_default()
    }

    /// The part after `skipped` bytes, as its own text: `^` matches at its start.
    #[must_use]
    pub fn tail(&self, skipped: usize) -> Haystack<'t> {
        let byte = self.start.byte.saturating_add(skipped).min(self.bytes.len());
        let text = match &self.replaced {
            Some(replaced) => replaced.text_offset(self.bytes, byte),
            None => byte,
        };
        let apart = self.apart.get().map(|apart| Box::new(apart.tail(skipped)));
        Haystack {
            bytes: self.bytes,
            replaced: self.replaced.clone(),
            start: Place { text, byte },
            apart: apart.map_or_else(OnceLock::new, OnceLock::from),
        }
    }

    /// The text that is searched.
    pub(super) fn text(&self) -> &[u8] {
        match &self.replaced {
            Some(replaced) => replaced.text.get(self.start.text..).unwrap_or_default(),
            None => self.bytes(),
        }
    }

    /// Maps a range of the text to a range of the bytes.
    pub(super) fn range(&self, part: Range<usize>) -> Range<usize> {
        let Some(replaced) = &self.replaced else {
            return part;
        };
        let place = |text: usize| replaced.byte_offset(self.bytes, self.start.text + text) - self.start.byte;
        place(part.start)..place(part.end)
    }
}

/// The replacement in the text for a byte that is not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Marker {
    /// U+FFFD.
    Same,
    /// A different character for each byte; real characters equal to one of these also stand for their bytes.
    EachItsOwn,
}

impl Marker {
    /// Length in bytes of the replacement.
    fn len(self) -> usize {
        match self {
            Marker::Same => char::REPLACEMENT_CHARACTER.len_utf8(),
            Marker::EachItsOwn => char::MAX.len_utf8(),
        }
    }

    fn write(self, odd: &[u8], text: &mut Vec<u8>) {
        match self {
            Marker::Same => {
                for _ in odd {
                    text.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
            Marker::EachItsOwn => text.extend_from_slice(as_characters(odd).as_bytes()),
        }
    }

    /// Splits bytes into valid text, each with the invalid bytes that follow it.
    fn parts(self, bytes: &[u8]) -> impl Iterator<Item = (&str, &[u8])> {
        bytes.utf8_chunks().flat_map(move |chunk| {
            let valid = chunk.valid();
            let letters = (self == Marker::EachItsOwn).then(|| valid.match_indices(is_stand_in));
            let letters = letters.into_iter().flatten();
            let letters = letters.map(|(at, letter)| (at, letter.as_bytes()));
            let mut start = 0;
            letters
                .chain(std::iter::once((valid.len(), chunk.invalid())))
                .map(move |(end, odd)| {
                    let text = valid.get(start..end).unwrap_or_default();
                    start = end + odd.len();
                    (text, odd)
                })
        })
    }
}

impl Replaced {
    fn new(bytes: &[u8], marker: Marker) -> Replaced {
        let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 4);
        let mut marks = vec![Place::default()];
        let (mut byte, mut due) = (0, STEP);
        for (valid, odd) in marker.parts(bytes) {
            while due <= byte + valid.len() {
                let within = valid.floor_char_boundary(due.saturating_sub(byte));
                marks.push(Place {
                    text: text.len() + within,
                    byte: byte + within,
                });
                due = byte + within + STEP;
            }
            text.extend_from_slice(valid.as_bytes());
            marker.write(odd, &mut text);
            byte += valid.len() + odd.len();
        }
        Replaced { text, marker, marks }
    }

    /// The offset of the byte at a place in the text.
    fn byte_offset(&self, bytes: &[u8], wanted: usize) -> usize {
        let (mut at, part) = self.near(bytes, |mark| mark.text <= wanted);
        for (valid, odd) in self.marker.parts(part) {
            let (valid, odd) = (valid.len(), odd.len());
            if wanted <= at.text + valid {
                return at.byte + (wanted - at.text);
            }
            at.byte += valid;
            at.text += valid;
            let passed = ((wanted - at.text) / self.marker.len()).min(odd);
            if passed < odd {
                return at.byte + passed;
            }
            at.byte += odd;
            at.text += odd * self.marker.len();
        }
        at.byte
    }

    /// The offset in the text of a byte.
    fn text_offset(&self, bytes: &[u8], wanted: usize) -> usize {
        let (mut at, part) = self.near(bytes, |mark| mark.byte <= wanted);
        for (valid, odd) in self.marker.parts(part) {
            let (valid, odd) = (valid.len(), odd.len());
            if wanted <= at.byte + valid {
                return at.text + (wanted - at.byte);
            }
            at.byte += valid;
            at.text += valid;
            let passed = (wanted - at.byte).min(odd);
            at.text += passed * self.marker.len();
            if passed < odd {
                return at.text;
            }
            at.byte += odd;
        }
        at.text
    }

    /// The last mark not past the target, and the bytes from there to the next mark.
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

/// Text with U+FFFD in place of each byte that is not UTF-8.
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
