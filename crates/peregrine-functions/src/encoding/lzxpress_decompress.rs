//! `lzxpress_decompress()`: decompresses LZXPRESS-Huffman data.

use crate::prelude::*;

/// Decompresses data in Microsoft's LZXPRESS-Huffman format, which prefetch files of Windows 10 use after
/// their header.
///
/// The result is complete, up to 100 MiB; the size is not known in advance, so it ends where the compressed
/// data ends.
#[derive(VqlArgs)]
pub struct Args {
    /// The compressed bytes.
    data: Str,
}

pub struct LzxpressDecompress;

const MAX_BYTES: usize = 100 << 20;
/// Number of output bytes after which a new code table follows.
const BLOCK: usize = 65_536;
/// Four bits of code length for each of 512 symbols.
const TABLE_BYTES: usize = 256;
const MAX_CODE_BITS: u32 = 15;
/// A match of length three at distance one; after the last byte it marks the end.
const END_SYMBOL: u16 = 256;

impl Function for LzxpressDecompress {
    type Args = Args;
    const NAME: &'static str = "lzxpress_decompress";
    const CATEGORY: Category = Category::Encode;
    const EXAMPLES: &'static [Example] = &[fails(
        "too short",
        "lzxpress_decompress(data='junk')",
        "lzxpress_decompress: the code table at offset 0 is cut off",
    )];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        Ok(Value::bytes(&decompress(&args.data, || scope.checkpoint())?))
    }
}

/// For each 15 bits, the symbol they begin with and the length of its code.
struct Codes {
    symbols: Vec<u16>,
    lengths: Vec<u8>,
}

impl Codes {
    /// Canonical codes from the lengths: short ones first, then by symbol.
    fn of(table: &[u8]) -> Option<Codes> {
        let mut symbols = vec![0; 1 << MAX_CODE_BITS];
        let mut lengths = vec![0; 1 << MAX_CODE_BITS];
        let length_of = |symbol: usize| (table[symbol / 2] >> (4 * (symbol % 2))) & 15;
        let mut next = 0;
        for bits in 1..=MAX_CODE_BITS as u8 {
            for symbol in (0..512).filter(|symbol| length_of(*symbol) == bits) {
                let end = next + (1 << (MAX_CODE_BITS - u32::from(bits)));
                symbols.get_mut(next..end)?.fill(symbol as u16);
                lengths.get_mut(next..end)?.fill(bits);
                next = end;
            }
        }
        (next == symbols.len()).then_some(Codes { symbols, lengths })
    }
}

/// Bits in words of 16, mixed with whole bytes.
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    next: u32,
    /// Number of bits in `next` beyond 16.
    extra: i32,
}

impl<'a> Bits<'a> {
    fn start(data: &'a [u8], at: usize) -> Bits<'a> {
        let mut bits = Bits {
            data,
            at,
            next: 0,
            extra: 16,
        };
        bits.next = (bits.word() << 16) | bits.word();
        bits
    }

    /// Zeros beyond the end.
    fn word(&mut self) -> u32 {
        let byte = |at| u32::from(self.data.get(at).copied().unwrap_or(0));
        let word = byte(self.at) | (byte(self.at + 1) << 8);
        self.at += 2;
        word
    }

    fn byte(&mut self) -> Result<usize, String> {
        let byte = self.data.get(self.at).copied();
        self.at += 1;
        byte.map(usize::from)
            .ok_or_else(|| "the data end within a match".to_owned())
    }

    fn skip(&mut self, count: u32) {
        self.next = self.next.checked_shl(count).unwrap_or(0);
        self.extra -= count as i32;
        if self.extra < 0 {
            let word = self.word();
            self.next |= word << self.extra.unsigned_abs().min(31);
            self.extra += 16;
        }
    }

    /// True when all words with data have been read.
    fn is_at_end(&self) -> bool {
        self.at >= self.data.len()
    }

    /// True when only zeros beyond the end are left.
    fn is_beyond_end(&self) -> bool {
        // `16 + extra` bits are buffered; those of words beyond the end are not data.
        let missing = self.at.saturating_sub(self.data.len()) as i64 * 8;
        i64::from(16 + self.extra) <= missing
    }
}

fn decompress(data: &[u8], mut checkpoint: impl FnMut() -> Result<(), Stop>) -> VqlResult<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut at = 0;
    loop {
        checkpoint()?;
        let table = data.get(at..at + TABLE_BYTES);
        let table = table.ok_or_else(|| format!("the code table at offset {at} is cut off"))?;
        let codes = Codes::of(table)
            .ok_or_else(|| format!("the code table at offset {at} is not a complete code"))?;
        let mut bits = Bits::start(data, at + TABLE_BYTES);
        let block_end = out.len() + BLOCK;
        while out.len() < block_end {
            if bits.is_beyond_end() {
                return Ok(out);
            }
            let index = (bits.next >> (32 - MAX_CODE_BITS)) as usize;
            let symbol = codes.symbols[index];
            bits.skip(u32::from(codes.lengths[index]));
            match u8::try_from(symbol) {
                Ok(literal) => out.push(literal),
                Err(_) if symbol == END_SYMBOL && bits.is_at_end() && bits.next == 0 => return Ok(out),
                Err(_) => copy(&mut bits, usize::from(symbol - END_SYMBOL), &mut out)?,
            }
            if out.len() > MAX_BYTES {
                return Err(format!("the unpacked data have more than {MAX_BYTES} bytes").into());
            }
        }
        // A block ends after the word that was begun and a reserve word, both of which are buffered.
        at = bits.at;
        if data.len().saturating_sub(at) < TABLE_BYTES {
            return Ok(out);
        }
    }
}

/// A match: four bits of length, and four for the number of bits of the distance.
fn copy(bits: &mut Bits<'_>, code: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let mut length = code & 15;
    let distance_bits = (code >> 4) as u32;
    if length == 15 {
        length = bits.byte()?;
        if length == 255 {
            length = bits.byte()? | (bits.byte()? << 8);
            if length == 0 {
                length = bits.byte()? | (bits.byte()? << 8) | (bits.byte()? << 16) | (bits.byte()? << 24);
            }
            length = length.checked_sub(15).ok_or("a match has a wrong length")?;
        }
        length += 15;
    }
    length += 3;
    let low = if distance_bits == 0 {
        0
    } else {
        bits.next >> (32 - distance_bits)
    };
    let distance = (1usize << distance_bits) + low as usize;
    bits.skip(distance_bits);
    let start = out
        .len()
        .checked_sub(distance)
        .ok_or("a match begins before the data")?;
    if out.len() + length > MAX_BYTES {
        return Err(format!("the unpacked data have more than {MAX_BYTES} bytes"));
    }
    // Source and target may overlap: written bytes repeat, so ever longer parts can be copied.
    let mut missing = length;
    while missing > 0 {
        let part = missing.min(out.len() - start);
        out.extend_from_within(start..start + part);
        missing -= part;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::decompress;

    /// The two samples of the specification (MS-XCA 3.2).
    fn samples() -> [(Vec<u8>, Vec<u8>); 2] {
        let mut letters = vec![0; 256];
        letters[48] = 0x50;
        letters[49..59].fill(0x55);
        letters[59..62].copy_from_slice(&[0x45, 0x44, 0x04]);
        letters[128] = 0x04;
        letters.extend(b"\xd8\x52\x3e\xd7\x94\x11\x5b\xe9\x19\x5f\xf9\xd6\x7c\xdf\x8d\x04\x00\x00\x00\x00");
        let mut repeated = vec![0; 256];
        repeated[48..50].copy_from_slice(&[0x30, 0x23]);
        repeated[128] = 0x02;
        repeated[143] = 0x20;
        repeated.extend(b"\xa8\xdc\x00\x00\xff\x26\x01");
        [(letters, (b'a'..=b'z').collect()), (repeated, b"abc".repeat(100))]
    }

    #[test]
    fn the_samples_of_the_specification() {
        for (packed, plain) in samples() {
            assert_eq!(decompress(&packed, || Ok(())).unwrap(), plain);
        }
    }

    #[test]
    fn damage_does_no_harm() {
        for (packed, _) in samples() {
            for at in 0..packed.len() {
                let _ = decompress(&packed[..at], || Ok(()));
                for byte in [0, 0x11, 0x7f, 0xff] {
                    let mut damaged = packed.clone();
                    damaged[at] = byte;
                    let _ = decompress(&damaged, || Ok(()));
                }
            }
        }
    }
}
