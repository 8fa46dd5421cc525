//! Checked reads of numbers at offsets of a byte slice, in the machine's byte order, for the kernel's
//! structures.

macro_rules! reader {
    ($name:ident, $type:ty) => {
        /// The number at `offset`; `None` past the end.
        pub(super) fn $name(bytes: &[u8], offset: usize) -> Option<$type> {
            let end = offset.checked_add(size_of::<$type>())?;
            Some(<$type>::from_ne_bytes(
                bytes.get(offset..end)?.try_into().ok()?,
            ))
        }
    };
}

reader!(u16_at, u16);
reader!(u32_at, u32);
reader!(i32_at, i32);
reader!(u64_at, u64);

/// An unsigned decimal number and nothing else.
pub(super) fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
