//! A chunk: some rows as JSON lines, compressed with zstd. Rows are never changed once stored.

use crate::{Error, Result};
use std::cell::RefCell;

/// Most bytes a chunk may unpack to. Writers split before this; a larger one is damage.
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
    /// Packs JSON lines; blank lines do not count as rows.
    pub fn pack(jsonl: &[u8]) -> Result<Chunk> {
        let rows = lines(jsonl).count() as u64;
        let data = COMPRESSOR.with_borrow_mut(|compressor| {
            if compressor.is_none() {
                *compressor = Some(zstd::bulk::Compressor::new(LEVEL)?);
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

    /// The same chunk without its first `count` rows.
    pub fn without_first(&self, count: u64) -> Result<Chunk> {
        let text = self.unpack()?;
        let mut kept = Vec::with_capacity(text.len());
        for line in lines(&text).skip(usize::try_from(count).unwrap_or(usize::MAX)) {
            kept.extend_from_slice(line);
            kept.push(b'\n');
        }
        Chunk::pack(&kept)
    }
}

/// Unpacks stored bytes to JSON lines.
pub fn unpack(data: &[u8]) -> Result<Vec<u8>> {
    let size = zstd::bulk::Decompressor::upper_bound(data).unwrap_or(MAX_UNPACKED);
    if size > MAX_UNPACKED {
        return Err(Error::Damaged(format!("chunk claims {size} bytes")));
    }
    zstd::bulk::decompress(data, size).map_err(|error| Error::Damaged(error.to_string()))
}

/// The rows of a text of JSON lines, without their line ends.
pub fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii())
        .filter(|line| !line.is_empty())
}
