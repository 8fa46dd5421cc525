//! The lines of a text, and positions in it as editors count them.

/// How an editor counts columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// 16-bit units, the default of the protocol.
    Utf16,
}

impl Encoding {
    /// The width of a text.
    pub(crate) fn width(self, text: &str) -> usize {
        match self {
            Encoding::Utf8 => text.len(),
            Encoding::Utf16 => text.chars().map(char::len_utf16).sum(),
        }
    }
}

/// The starts of lines. Lines end with LF, CR LF or CR.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn new(text: &str) -> Lines {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Lines(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// Line and column of a byte, both from 0; the column in the given units.
    pub(crate) fn position(&self, text: &str, offset: usize, encoding: Encoding) -> (usize, usize) {
        let offset = boundary(text, offset);
        let line = self.0.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.0.get(line).copied().unwrap_or_default();
        (line, encoding.width(text.get(start..offset).unwrap_or_default()))
    }

    /// The byte at a position; positions beyond the end of a line or of the text are clipped.
    pub(crate) fn offset(&self, text: &str, line: usize, column: usize, encoding: Encoding) -> usize {
        let Some(&start) = self.0.get(line) else {
            return text.len();
        };
        let end = self.0.get(line + 1).copied().unwrap_or(text.len());
        let line = text
            .get(start..end)
            .unwrap_or_default()
            .trim_end_matches(['\n', '\r']);
        let mut width = 0;
        for (at, c) in line.char_indices() {
            if width >= column {
                return start + at;
            }
            width += match encoding {
                Encoding::Utf8 => c.len_utf8(),
                Encoding::Utf16 => c.len_utf16(),
            };
            // In the middle of a character: use its beginning.
            if width > column {
                return start + at;
            }
        }
        start + line.len()
    }
}

fn boundary(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Encoding, Lines};

    #[test]
    fn positions_go_both_ways() {
        let text = "aé\r\n😀x\rlast\n";
        let lines = Lines::new(text);
        for (offset, utf8, utf16) in [
            (0, (0, 0), (0, 0)),
            (3, (0, 3), (0, 2)),
            (5, (1, 0), (1, 0)),
            (9, (1, 4), (1, 2)),
            (11, (2, 0), (2, 0)),
            (16, (3, 0), (3, 0)),
        ] {
            assert_eq!(lines.position(text, offset, Encoding::Utf8), utf8);
            assert_eq!(lines.position(text, offset, Encoding::Utf16), utf16);
            assert_eq!(lines.offset(text, utf8.0, utf8.1, Encoding::Utf8), offset);
            assert_eq!(lines.offset(text, utf16.0, utf16.1, Encoding::Utf16), offset);
        }
        assert_eq!(lines.offset(text, 0, 99, Encoding::Utf16), 3);
        assert_eq!(lines.offset(text, 1, 1, Encoding::Utf16), 5);
        assert_eq!(lines.offset(text, 99, 0, Encoding::Utf16), text.len());
        assert_eq!(lines.position(text, 999, Encoding::Utf8), (3, 0));
    }
}
