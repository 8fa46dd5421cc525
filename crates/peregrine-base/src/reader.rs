//! Checked reads from the front of a byte slice.

/// The unread rest of a byte slice. A read beyond its end gives `None` and consumes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// Fixed width numbers, each in both byte orders.
macro_rules! numbers {
    ($($type:ident: $little:ident, $big:ident;)*) => { $(
        #[doc = concat!("A little-endian `", stringify!($type), "`.")]
        #[inline]
        pub fn $little(&mut self) -> Option<$type> {
            self.array().map($type::from_le_bytes)
        }

        #[doc = concat!("A big-endian `", stringify!($type), "`.")]
        #[inline]
        pub fn $big(&mut self) -> Option<$type> {
            self.array().map($type::from_be_bytes)
        }
    )* };
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// The unread bytes.
    #[inline]
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The number of unread bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// True when everything has been read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `length` bytes.
    #[inline]
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }

    /// A byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    numbers! {
        u16: u16_le, u16_be;
        u32: u32_le, u32_be;
        u64: u64_le, u64_be;
        i16: i16_le, i16_be;
        i32: i32_le, i32_be;
        i64: i64_le, i64_be;
        f64: f64_le, f64_be;
    }

    /// A LEB128 number, as in protobuf: at most ten bytes; bits beyond 64 are dropped.
    #[inline]
    pub fn leb128(&mut self) -> Option<u64> {
        let mut ahead = *self;
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = ahead.u8()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                *self = ahead;
                return Some(number);
            }
        }
        None
    }
}

/// Appends a number in the format of [`Reader::leb128`].
#[inline]
pub fn write_leb128(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::{Reader, write_leb128};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(number: u64, float: f64) {
            let mut bytes = Vec::new();
            write_leb128(number, &mut bytes);
            bytes.extend(number.to_le_bytes());
            bytes.extend((number as i32).to_be_bytes());
            bytes.extend(float.to_le_bytes());
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.leb128(), Some(number));
            prop_assert_eq!(reader.u64_le(), Some(number));
            prop_assert_eq!(reader.i32_be(), Some(number as i32));
            prop_assert_eq!(reader.f64_le().map(f64::to_bits), Some(float.to_bits()));
            prop_assert!(reader.is_empty());
        }

        /// For any sequence of reads: the bytes consumed are the front of the slice, and a refused read
        /// consumes nothing.
        #[test]
        fn foreign_bytes_are_read_within_their_bounds(bytes: Vec<u8>, steps in prop::collection::vec((0..6_u8, 0..300_usize), 0..40)) {
            let mut reader = Reader::new(&bytes);
            for (kind, length) in steps {
                let before = reader;
                let is_taken = match kind {
                    0 => reader.u8().is_some(),
                    1 => reader.u16_be().is_some(),
                    2 => reader.u64_le().is_some(),
                    3 => reader.array::<3>().is_some(),
                    4 => reader.leb128().is_some(),
                    _ => reader.take(length).is_some_and(|taken| taken == &before.rest()[..length]),
                };
                prop_assert!(before.rest().ends_with(reader.rest()));
                if !is_taken {
                    prop_assert_eq!(reader, before);
                }
            }
        }
    }

    #[test]
    fn a_number_has_ten_bytes_at_most() {
        assert_eq!(Reader::new(&[0xff; 9]).leb128(), None);
        assert_eq!(Reader::new(&[0xff; 20]).leb128(), None);
        let mut most = [0xff; 10];
        most[9] = 1;
        assert_eq!(Reader::new(&most).leb128(), Some(u64::MAX));
    }
}
