//! A protobuf message as a sequence of fields, without decoding it.
//!
//! Full decoding can turn two bytes of input into hundreds in memory, so the outer layers are walked here,
//! and only the messages inside are decoded, one at a time.

use peregrine_base::Reader;

/// One field of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// Wire type 0.
    Number(u32, u64),
    /// Wire type 2.
    Bytes(u32, &'a [u8]),
}

/// Iterates over the fields; ends after the first error. Fixed-width fields are skipped.
pub(crate) struct Fields<'a> {
    rest: Reader<'a>,
}

/// The input is not a protobuf message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotProtobuf;

impl<'a> Fields<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Fields<'a> {
        Fields {
            rest: Reader::new(input),
        }
    }

    /// Number of bytes not walked yet.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn next_field(&mut self) -> Result<Option<Field<'a>>, NotProtobuf> {
        while !self.rest.is_empty() {
            let key = self.varint()?;
            let number = u32::try_from(key >> 3).map_err(|_| NotProtobuf)?;
            match key & 7 {
                0 => return Ok(Some(Field::Number(number, self.varint()?))),
                1 => {
                    self.take(8)?;
                }
                2 => {
                    let length = self.varint()?;
                    return Ok(Some(Field::Bytes(number, self.take(length)?)));
                }
                5 => {
                    self.take(4)?;
                }
                _ => return Err(NotProtobuf),
            }
        }
        Ok(None)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, NotProtobuf> {
        self.rest.leb128().ok_or(NotProtobuf)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], NotProtobuf> {
        let length = usize::try_from(length).map_err(|_| NotProtobuf)?;
        self.rest.take(length).ok_or(NotProtobuf)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, NotProtobuf>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.next_field();
        if found.is_err() {
            self.rest = Reader::new(&[]);
        }
        found.transpose()
    }
}
