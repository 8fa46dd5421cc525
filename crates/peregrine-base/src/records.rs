//! Records in a file that may be torn or damaged, each preceded by its length and checksum.
//!
//! | part | content |
//! |---|---|
//! | head | length of the payload (u32), CRC-32 of the payload (u32), little-endian |
//! | payload | this many bytes |
//!
//! The file format defines what surrounds the records (a magic number, a position), and their maximum length.

use std::io::{self, Read};

/// Bytes before each payload.
pub const HEAD: usize = 8;

/// The header before a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    length: u32,
    checksum: u32,
}

impl Head {
    /// The header of a payload; `None` for 4 GiB and more.
    #[must_use]
    pub fn of(payload: &[u8]) -> Option<Head> {
        Some(Head {
            length: u32::try_from(payload.len()).ok()?,
            checksum: crc32fast::hash(payload),
        })
    }

    /// Parses it as stored in a file.
    #[must_use]
    pub fn parse([a, b, c, d, e, f, g, h]: [u8; HEAD]) -> Head {
        Head {
            length: u32::from_le_bytes([a, b, c, d]),
            checksum: u32::from_le_bytes([e, f, g, h]),
        }
    }

    /// The length of the payload, if the header is not damaged.
    #[must_use]
    pub fn length(self) -> usize {
        self.length as usize
    }

    /// Whether this is its payload, complete and undamaged.
    #[must_use]
    pub fn fits(self, payload: &[u8]) -> bool {
        payload.len() == self.length() && crc32fast::hash(payload) == self.checksum
    }
}

/// Appends a payload after its header; returns `false`, and appends nothing, for a payload of 4 GiB or more.
#[must_use = "a record too long is not there"]
pub fn append(payload: &[u8], out: &mut Vec<u8>) -> bool {
    let Some(head) = Head::of(payload) else {
        return false;
    };
    out.extend_from_slice(&head.length.to_le_bytes());
    out.extend_from_slice(&head.checksum.to_le_bytes());
    out.extend_from_slice(payload);
    true
}

/// The next item in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A complete record.
    Whole,
    /// Something that is not a record, or the beginning of one.
    Damaged,
    /// The end of the file.
    End,
}

/// Reads the next record into `payload`, which grows with the data present, not with the length claimed. A
/// payload of more than `most` bytes counts as damaged.
pub fn read_next(input: &mut impl Read, payload: &mut Vec<u8>, most: usize) -> io::Result<Next> {
    payload.clear();
    input.take(HEAD as u64).read_to_end(payload)?;
    let Ok(head) = <[u8; HEAD]>::try_from(payload.as_slice()).map(Head::parse) else {
        return Ok(if payload.is_empty() {
            Next::End
        } else {
            Next::Damaged
        });
    };
    if head.length() > most {
        return Ok(Next::Damaged);
    }
    payload.clear();
    input.take(u64::from(head.length)).read_to_end(payload)?;
    Ok(if head.fits(payload) {
        Next::Whole
    } else {
        Next::Damaged
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: usize = 100;

    /// All payloads up to the end or the first damage, and which of the two came.
    fn read_all(mut file: &[u8]) -> (Vec<Vec<u8>>, Next) {
        let (mut all, mut payload) = (Vec::new(), Vec::new());
        loop {
            match read_next(&mut file, &mut payload, MOST).unwrap() {
                Next::Whole => all.push(payload.clone()),
                end => return (all, end),
            }
        }
    }

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut file = Vec::new();
        assert!(payloads.iter().all(|payload| append(payload, &mut file)));
        file
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..MOST), 0..8)
    }

    proptest! {
        #[test]
        fn a_torn_file_gives_its_whole_records(payloads in payloads(), cut: prop::sample::Index) {
            let file = written(&payloads);
            let cut = cut.index(file.len() + 1);
            let ends: Vec<usize> = payloads.iter().scan(0, |end, payload| {
                *end += HEAD + payload.len();
                Some(*end)
            }).collect();
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let is_between = cut == 0 || ends.contains(&cut);
            let (back, end) = read_all(&file[..cut]);
            prop_assert_eq!(&back, &payloads[..whole]);
            prop_assert_eq!(end, if is_between { Next::End } else { Next::Damaged });
        }

        #[test]
        fn a_flipped_bit_is_seen(payloads in payloads(), at: prop::sample::Index, bit in 0..8_u8) {
            let mut file = written(&payloads);
            prop_assume!(!file.is_empty());
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            let (back, end) = read_all(&file);
            prop_assert_eq!(end, Next::Damaged);
            prop_assert!(back.len() < payloads.len());
            prop_assert_eq!(&back, &payloads[..back.len()]);
        }

        #[test]
        fn foreign_bytes_are_no_harm(file: Vec<u8>) {
            let (back, _) = read_all(&file);
            prop_assert!(written(&back).len() <= file.len());
        }
    }

    #[test]
    fn a_claimed_length_takes_no_memory() {
        let mut payload = Vec::new();
        let file = [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 1];
        let next = read_next(&mut &file[..], &mut payload, usize::MAX).unwrap();
        assert_eq!(next, Next::Damaged);
        assert!(payload.capacity() < 1 << 16);
    }
}
