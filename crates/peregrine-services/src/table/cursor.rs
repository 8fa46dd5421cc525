//! Reading stored rows in order: fetches blocks from a source and passes on those of their rows that are wanted.

use super::RowSource;
use crate::Result;
use peregrine_store::chunk::{Block, Line};

/// A place in the rows of a source.
pub struct Cursor<'a> {
    source: &'a dyn RowSource,
    next: u64,
    end: u64,
    read_ahead: usize,
}

/// Consecutive rows, in the blocks they were read in.
pub struct Batch {
    blocks: Vec<Block>,
    /// The first row wanted, and one past the last; the blocks may hold more.
    from: u64,
    end: u64,
}

impl<'a> Cursor<'a> {
    /// Starts before the first row. Each read takes about `read_ahead` compressed bytes.
    pub fn new(source: &'a dyn RowSource, read_ahead: usize) -> Cursor<'a> {
        let (next, end) = source.range();
        Cursor {
            source,
            next,
            end,
            read_ahead,
        }
    }

    /// Only the rows in this range.
    pub fn within(self, range: (u64, u64)) -> Cursor<'a> {
        Cursor {
            next: self.next.max(range.0),
            end: self.end.min(range.1),
            ..self
        }
    }

    /// Skips the rows before this one.
    pub fn skip_to(&mut self, row: u64) {
        self.next = self.next.max(row);
    }

    /// The next rows; none when there are no more.
    pub async fn read(&mut self) -> Result<Option<Batch>> {
        if self.next >= self.end {
            return Ok(None);
        }
        let blocks = self.source.read(self.next, self.read_ahead).await?;
        let Some(last) = blocks.last() else {
            // The rows were deleted meanwhile.
            return Ok(None);
        };
        let after = last.end_row();
        let batch = Batch {
            blocks,
            from: self.next,
            end: self.end,
        };
        // Always advances: a block that ends before the wanted row would be read again and again.
        self.next = after.max(self.next + 1);
        Ok(Some(batch))
    }
}

impl Batch {
    /// The rows. A range that cannot be read is one line that says so.
    pub fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let lines = self.blocks.iter().flat_map(|block| block.lines_from(self.from));
        lines.take_while(|line| line.number < self.end)
    }

    /// One past the last row this batch covers, even if that row is missing.
    pub fn end_row(&self) -> u64 {
        let last = self.blocks.last().map_or(0, Block::end_row);
        last.max(self.from + 1).min(self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use peregrine_store::chunk::Chunk;

    /// Blocks of three rows each, of which some are gone or damaged.
    struct Blocks {
        range: (u64, u64),
        gone: Option<u64>,
        damaged: Option<u64>,
    }

    #[async_trait]
    impl RowSource for Blocks {
        fn range(&self) -> (u64, u64) {
            self.range
        }

        fn key(&self) -> String {
            "blocks".into()
        }

        async fn read(&self, from: u64, _: usize) -> Result<Vec<Block>> {
            let mut first = from - from % 3;
            if self.gone == Some(first) {
                first += 3;
            }
            if first >= 12 {
                return Ok(Vec::new());
            }
            let text: String = (first..first + 3).map(|n| format!("{{\"N\":{n}}}\n")).collect();
            let mut chunk = Chunk::pack(text.as_bytes()).unwrap();
            if self.damaged == Some(first) {
                chunk.data.truncate(5);
            }
            Ok(vec![Block::read(first, &chunk)])
        }
    }

    async fn numbers(source: &Blocks, start: u64) -> Vec<u64> {
        let mut cursor = Cursor::new(source, 1);
        cursor.skip_to(start);
        let mut found = Vec::new();
        while let Some(batch) = cursor.read().await.unwrap() {
            for line in batch.lines() {
                if line.missing == 0 {
                    assert_eq!(line.text, format!("{{\"N\":{}}}", line.number).as_bytes());
                }
                found.push(line.number);
            }
            assert!(found.last().is_none_or(|last| *last < batch.end_row()));
        }
        found
    }

    #[tokio::test]
    async fn every_wanted_row_comes_once_and_no_other() {
        for first in 0..12 {
            for end in first..12 {
                let source = Blocks {
                    range: (first, end),
                    gone: None,
                    damaged: None,
                };
                for start in [0, first, first + 1, end] {
                    let expected: Vec<u64> = (first.max(start)..end).collect();
                    assert_eq!(
                        numbers(&source, start).await,
                        expected,
                        "{first}..{end} from {start}"
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_gone_or_damaged_ends_nothing() {
        let source = |gone, damaged, end| Blocks {
            range: (1, end),
            gone,
            damaged,
        };
        assert_eq!(
            numbers(&source(Some(3), None, 9), 0).await,
            [1, 2, 6, 7, 8],
            "a gap"
        );
        assert_eq!(
            numbers(&source(None, Some(3), 9), 0).await,
            [1, 2, 3, 6, 7, 8],
            "one row says that three cannot be read"
        );
        assert_eq!(numbers(&source(None, Some(3), 9), 4).await, [4, 6, 7, 8]);
        assert_eq!(
            numbers(&source(Some(9), None, 100), 0).await.len(),
            8,
            "fewer than promised"
        );
    }
}
