//! Index entries as single numbers, which take half the space of tuples.

use crate::slot::Handle;
use crate::{Pid, Time};

/// A prefix to sort by, then a time, then the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u128);

/// Moves times so that they sort as unsigned numbers.
const SIGN: u64 = 1 << 63;

impl Key {
    pub(crate) fn new(first: u32, time: Time, handle: Handle) -> Key {
        let time = time.nanos().cast_unsigned() ^ SIGN;
        Key(u128::from(first) << 96 | u128::from(time) << 32 | u128::from(handle))
    }

    /// The place of a pid at a time. Texts may share a place with other pids, so readers must check the
    /// record, too.
    pub(crate) fn of_pid(pid: &Pid, time: Time, handle: Handle) -> Key {
        let first = match pid {
            Pid::Number(number) => *number,
            Pid::Text(text) => crc32fast::hash(text.as_bytes()),
        };
        Key::new(first, time, handle)
    }

    pub(crate) fn first(self) -> u32 {
        (self.0 >> 96) as u32
    }

    pub(crate) fn time(self) -> Time {
        Time::from_nanos((((self.0 >> 32) as u64) ^ SIGN).cast_signed())
    }

    pub(crate) fn handle(self) -> Handle {
        self.0 as Handle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_their_parts_and_give_them_back() {
        let times = [
            Time::MIN,
            Time::from_nanos(-1),
            Time::from_nanos(0),
            Time::from_nanos(1),
            Time::MAX,
        ];
        let mut before = None;
        for first in [0, 1, 7, u32::MAX] {
            for time in times {
                for handle in [0, 1, Handle::MAX] {
                    let key = Key::new(first, time, handle);
                    assert_eq!((key.first(), key.time(), key.handle()), (first, time, handle));
                    assert!(before < Some(key));
                    before = Some(key);
                }
            }
        }
    }
}
