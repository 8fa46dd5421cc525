//! A chunk: some rows as JSON lines, compressed with zstd. Rows are never changed once stored.

use crate::{Error, Result};
use std::cell::RefCell;
use std::ops::Range;

/// Most bytes a chunk may unpack to. [`Chunk::pack`] refuses more, so that what is stored can be read.
pub const MAX_UNPACKED: usize = 128 << 20;

/// A few hundred MB/s and a third of the size; higher levels cost more than the disk they save.
const LEVEL: i32 = 3;

thread_local! {
    /// Kept, because making one takes longer than compressing a small packet.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// Compressed rows, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Number of rows inside.
    pub rows: u64,
    /// zstd frame of newline-terminated JSON objects.
    pub data: Vec<u8>,
}

impl Chunk {
    /// Packs JSON lines; blank lines do not count as rows. Refuses what [`unpack`] would refuse.
    pub fn pack(jsonl: &[u8]) -> Result<Chunk> {
        if jsonl.len() > MAX_UNPACKED {
            return Err(Error::TooLarge {
                bytes: jsonl.len(),
                most: MAX_UNPACKED,
            });
        }
        let rows = lines(jsonl).count() as u64;
        let data = COMPRESSOR.with_borrow_mut(|compressor| {
            if compressor.is_none() {
                let mut new = zstd::bulk::Compressor::new(LEVEL)?;
                // Costs four bytes; a bit flipped on disk is then reported as damage instead of read as a different row.
                new.include_checksum(true)?;
                *compressor = Some(new);
            }
            match compressor {
                Some(compressor) => compressor.compress(jsonl),
                None => zstd::bulk::compress(jsonl, LEVEL),
            }
        })?;
        Ok(Chunk { rows, data })
    }

    /// The JSON lines.
    pub fn unpack(&self) -> Result<Vec<u8>> {
        unpack(&self.data)
    }

    /// A new chunk with only those rows whose position in this one is in one of these ranges.
    pub fn pick(&self, wanted: &[Range<u64>]) -> Result<Chunk> {
        let text = self.unpack()?;
        let mut kept = Vec::with_capacity(text.len());
        for (position, line) in (0u64..).zip(lines(&text)) {
            if wanted.iter().any(|range| range.contains(&position)) {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        Chunk::pack(&kept)
    }
}

/// Unpacks stored bytes to JSON lines.
pub fn unpack(data: &[u8]) -> Result<Vec<u8>> {
    // Our frames always state their size, so no more memory than that is allocated.
    let size = match zstd::zstd_safe::get_frame_content_size(data) {
        Ok(Some(size)) => usize::try_from(size).unwrap_or(usize::MAX),
        Ok(None) | Err(_) => return Err(Error::Damaged("not a chunk".into())),
    };
    if size > MAX_UNPACKED {
        return Err(Error::Damaged(format!("chunk claims {size} bytes")));
    }
    zstd::bulk::decompress(data, size).map_err(|error| Error::Damaged(error.to_string()))
}

/// The rows of a text of JSON lines, without line ends; blank lines are skipped.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii())
        .filter(|line| !line.is_empty())
}

/// Consecutive rows, as far as they can be read: a damaged chunk hides only its own rows, and one row in their place says
/// so.
#[derive(Debug, Clone)]
pub struct Block {
    first_row: u64,
    /// One past the last row that should be here.
    end_row: u64,
    text: Vec<u8>,
    /// Number of the first row that cannot be read, and a row that says so.
    notice: Option<(u64, Vec<u8>)>,
}

/// A row of a [`Block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Row number in its set.
    pub number: u64,
    /// The row, a JSON object.
    pub text: &'a [u8],
    /// How many unreadable rows this line stands for; 0 for an ordinary row.
    pub missing: u64,
}

impl Block {
    /// A block in which every row is readable.
    pub fn whole(first_row: u64, text: Vec<u8>) -> Block {
        let end_row = first_row + lines(&text).count() as u64;
        Block {
            first_row,
            end_row,
            text,
            notice: None,
        }
    }

    /// Unpacks a stored chunk; rows that cannot be read become a notice.
    pub fn read(first_row: u64, chunk: &Chunk) -> Block {
        match chunk.unpack() {
            Ok(text) => Block::of(
                first_row,
                chunk.rows,
                text,
                "fewer rows are stored than were counted",
            ),
            Err(error) => Block::unreadable(first_row, chunk.rows, &error.to_string()),
        }
    }

    /// A block in which no row is readable, and why.
    pub fn unreadable(first_row: u64, rows: u64, why: &str) -> Block {
        Block::of(first_row, rows, Vec::new(), why)
    }

    /// The rows in this text; if there should be more, they are followed by a row that says why they are missing.
    fn of(first_row: u64, rows: u64, text: Vec<u8>, why: &str) -> Block {
        let end_row = first_row.saturating_add(rows);
        let readable = first_row.saturating_add(lines(&text).count() as u64);
        let notice = (readable < end_row).then(|| {
            let (count, last) = (end_row - readable, end_row - 1);
            let message = format!("{count} rows ({readable}–{last}) cannot be read: {why}");
            (
                readable,
                serde_json::json!({ NOTICE: message }).to_string().into_bytes(),
            )
        });
        Block {
            first_row,
            end_row,
            text,
            notice,
        }
    }

    /// Those of its rows that have these numbers, numbered from `first_row` on instead and each rewritten. A row that says what
    /// cannot be read is rewritten, too.
    pub fn moved(
        &self,
        rows: Range<u64>,
        first_row: u64,
        mut rewrite: impl FnMut(&[u8], &mut Vec<u8>),
    ) -> Block {
        let start = rows.start.max(self.first_row);
        let end = rows.end.min(self.end_row).max(start);
        let number = |row: u64| first_row.saturating_add(row.saturating_sub(rows.start));
        let (mut text, mut notice) = (Vec::new(), None);
        for line in self.lines_from(start).take_while(|line| line.number < end) {
            if line.missing > 0 {
                let mut row = Vec::new();
                rewrite(line.text, &mut row);
                notice = Some((number(line.number), row));
            } else {
                rewrite(line.text, &mut text);
                text.push(b'\n');
            }
        }
        Block {
            first_row: number(start),
            end_row: number(end),
            text,
            notice,
        }
    }

    /// Number of the first row, readable or not.
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    /// One past the last row, readable or not.
    pub fn end_row(&self) -> u64 {
        self.end_row
    }

    /// The rows from this number on. Unreadable rows are merged into one line, numbered as the first of them that was
    /// asked for.
    pub fn lines_from(&self, from: u64) -> impl Iterator<Item = Line<'_>> {
        let readable = (self.first_row..self.end_row)
            .zip(lines(&self.text))
            .skip_while(move |(number, _)| *number < from)
            .map(|(number, text)| Line {
                number,
                text,
                missing: 0,
            });
        let notice = self.notice.iter().filter(move |_| from < self.end_row);
        readable.chain(notice.map(move |(first, text)| Line {
            number: from.max(*first),
            text,
            missing: self.end_row - from.max(*first),
        }))
    }
}

/// Column in which a row that replaces unreadable rows says why.
pub const NOTICE: &str = "_Error";

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: u64) -> Vec<u8> {
        (0..count)
            .flat_map(|n| format!("{{\"n\":{n}}}\n").into_bytes())
            .collect()
    }

    #[test]
    fn what_could_not_be_read_again_is_not_packed() {
        let large = vec![b' '; MAX_UNPACKED + 1];
        assert!(matches!(Chunk::pack(&large), Err(Error::TooLarge { .. })));
        let fits = Chunk::pack(&large[1..]).unwrap();
        assert_eq!(fits.unpack().unwrap().len(), MAX_UNPACKED);
    }

    #[test]
    fn rows_are_picked_by_position() {
        let chunk = Chunk::pack(&numbers(6)).unwrap();
        let picked = chunk.pick(&[1..2, 4..9]).unwrap();
        assert_eq!(picked.rows, 3);
        assert_eq!(picked.unpack().unwrap(), b"{\"n\":1}\n{\"n\":4}\n{\"n\":5}\n");
    }

    #[test]
    fn a_damaged_chunk_is_one_row_that_says_what_is_missing() {
        let mut chunk = Chunk::pack(&numbers(1000)).unwrap();
        let middle = chunk.data.len() / 2;
        chunk.data[middle] ^= 4;
        let block = Block::read(50, &chunk);
        assert_eq!((block.first_row(), block.end_row()), (50, 1050));
        let lines: Vec<Line<'_>> = block.lines_from(60).collect();
        assert_eq!((lines.len(), lines[0].number, lines[0].missing), (1, 60, 990));
        let text = String::from_utf8_lossy(lines[0].text);
        assert!(text.contains("1000 rows (50–1049) cannot be read"), "{text}");
        assert_eq!(block.lines_from(1050).count(), 0);
    }

    #[test]
    fn moved_rows_have_other_numbers_and_are_rewritten() {
        let shout = |row: &[u8], out: &mut Vec<u8>| out.extend(row.to_ascii_uppercase());
        let found = |block: &Block| -> Vec<(u64, String, u64)> {
            let lines = block.lines_from(0);
            lines
                .map(|line| {
                    (
                        line.number,
                        String::from_utf8_lossy(line.text).into_owned(),
                        line.missing,
                    )
                })
                .collect()
        };
        let whole = Block::whole(10, numbers(5));
        let moved = whole.moved(11..14, 100, shout);
        assert_eq!((moved.first_row(), moved.end_row()), (100, 103));
        assert_eq!(found(&moved)[2], (102, r#"{"N":3}"#.to_owned(), 0));
        let later = whole.moved(8..12, 100, shout);
        assert_eq!(
            (later.first_row(), later.end_row()),
            (102, 104),
            "its rows keep their places"
        );
        let none = whole.moved(15..20, 100, shout);
        assert_eq!(none.first_row(), none.end_row());

        let damaged = Block::unreadable(10, 5, "why").moved(12..14, 100, shout);
        let [(number, text, missing)] = &found(&damaged)[..] else {
            panic!("one line says that rows are missing")
        };
        assert_eq!((*number, *missing), (100, 2));
        assert!(text.contains("CANNOT BE READ: WHY"), "{text}");
    }

    #[test]
    fn rows_that_are_counted_but_not_there_are_told() {
        let chunk = Chunk {
            rows: 5,
            ..Chunk::pack(&numbers(3)).unwrap()
        };
        let block = Block::read(0, &chunk);
        let found: Vec<(u64, u64)> = block
            .lines_from(1)
            .map(|line| (line.number, line.missing))
            .collect();
        assert_eq!(found, [(1, 0), (2, 0), (3, 2)]);
    }
}
