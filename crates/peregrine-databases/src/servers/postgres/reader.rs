//! A value in PostgreSQL's binary format, big-endian throughout.

use peregrine_base::Reader as Bytes;

/// The unread rest of a value.
pub(super) struct Reader<'a>(Bytes<'a>);

/// All of these fail with the same message when there are too few bytes.
macro_rules! numbers {
    ($($type:ident: $read:ident;)*) => { $(
        pub(super) fn $type(&mut self) -> Result<$type, String> {
            self.0.$read().ok_or_else(too_short)
        }
    )* };
}

impl<'a> Reader<'a> {
    pub(super) fn new(raw: &'a [u8]) -> Reader<'a> {
        Reader(Bytes::new(raw))
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        self.0.take(length).ok_or_else(too_short)
    }

    numbers! {
        u8: u8;
        u16: u16_be;
        i16: i16_be;
        u32: u32_be;
        i32: i32_be;
        u64: u64_be;
        i64: i64_be;
    }

    /// A length and the bytes that follow; a length of -1 is NULL.
    pub(super) fn field(&mut self) -> Result<Option<&'a [u8]>, String> {
        match usize::try_from(self.i32()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Ok(None),
        }
    }
}

fn too_short() -> String {
    "a value is shorter than its type".to_owned()
}
