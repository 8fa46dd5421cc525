//! Messages of the proc connector (linux/cn_proc.h, linux/connector.h) after the netlink header:
//!
//! | offset | size | what |
//! |---|---|---|
//! | 0 | 4, 4 | connector id, always 1, 1 |
//! | 8 | 4 | sequence number, per CPU |
//! | 20 | 4 | what happened |
//! | 24 | 4 | CPU |
//! | 28 | 8 | time, ns on `CLOCK_MONOTONIC` |
//! | 36 | | fork: parent thread, parent process, child thread, child process |
//! | | | exec: thread, process |
//! | | | exit: thread, process, wait status |
//! | | | none: error code, answering a request |

use super::super::bytes::{i32_at, u32_at, u64_at};
use super::super::netlink;

const KIND_DONE: u16 = 3; // connector messages carry this netlink type

const WHAT_NONE: u32 = 0;
const WHAT_FORK: u32 = 1;
const WHAT_EXEC: u32 = 2;
const WHAT_EXIT: u32 = 0x8000_0000;

/// A message from the kernel.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) cpu: u32,
    pub(super) sequence: u32,
    /// Nanoseconds on `CLOCK_MONOTONIC`.
    pub(super) time: u64,
    pub(super) what: What,
}

/// What happened. `thread` equals `process` for the first thread of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Answer { error: i32 },
    Fork { parent: u32, thread: u32, process: u32 },
    Exec { process: u32 },
    Exit { thread: u32, process: u32, status: i32 },
    Other,
}

/// Parses the part after the netlink header; `None` if it is not one of our messages.
pub(super) fn parse(payload: &[u8]) -> Option<Message> {
    if (u32_at(payload, 0)?, u32_at(payload, 4)?) != (1, 1) {
        return None;
    }
    let what = match u32_at(payload, 20)? {
        WHAT_NONE => What::Answer {
            error: i32_at(payload, 36)?,
        },
        WHAT_FORK => What::Fork {
            parent: u32_at(payload, 40)?,
            thread: u32_at(payload, 44)?,
            process: u32_at(payload, 48)?,
        },
        WHAT_EXEC => What::Exec {
            process: u32_at(payload, 40)?,
        },
        WHAT_EXIT => What::Exit {
            thread: u32_at(payload, 36)?,
            process: u32_at(payload, 40)?,
            status: i32_at(payload, 44)?,
        },
        _ => What::Other,
    };
    Some(Message {
        sequence: u32_at(payload, 8)?,
        cpu: u32_at(payload, 24)?,
        time: u64_at(payload, 28)?,
        what,
    })
}

/// The request to start or stop sending events.
pub(super) fn request(listen: bool) -> Vec<u8> {
    let operation: u32 = if listen { 1 } else { 2 };
    let mut body = Vec::new();
    for word in [1_u32, 1, 0, 0] {
        body.extend(word.to_ne_bytes()); // id, sequence, acknowledgement
    }
    body.extend(4_u16.to_ne_bytes()); // length of what follows
    body.extend(0_u16.to_ne_bytes());
    body.extend(operation.to_ne_bytes());
    netlink::build(KIND_DONE, 0, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(what: u32, words: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [1, 1, 77, 0, 0, what, 3] {
            bytes.extend(u32::to_ne_bytes(word));
        }
        bytes.extend(123_u64.to_ne_bytes());
        for word in words {
            bytes.extend(word.to_ne_bytes());
        }
        bytes
    }

    #[test]
    fn each_kind_is_read() {
        let what = |kind, words: &[u32]| parse(&payload(kind, words)).unwrap().what;
        assert_eq!(
            what(1, &[8, 7, 10, 9]),
            What::Fork {
                parent: 7,
                thread: 10,
                process: 9
            }
        );
        assert_eq!(what(2, &[10, 9]), What::Exec { process: 9 });
        assert_eq!(
            what(WHAT_EXIT, &[10, 9, 256]),
            What::Exit {
                thread: 10,
                process: 9,
                status: 256
            }
        );
        assert_eq!(what(0, &[1]), What::Answer { error: 1 });
        assert_eq!(what(4, &[]), What::Other);
        let message = parse(&payload(4, &[])).unwrap();
        assert_eq!((message.cpu, message.sequence, message.time), (3, 77, 123));
    }

    #[test]
    fn short_messages_are_refused() {
        let whole = payload(1, &[8, 7, 10, 9]);
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), None);
        }
    }
}
