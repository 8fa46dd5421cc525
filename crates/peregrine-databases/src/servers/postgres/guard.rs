//! Limits what a PostgreSQL server may send.
//!
//! The library trusts the server: it accepts messages of up to 2 GB, hashes a password as often as it is told
//! to, and resolves types of types endlessly. A malicious server must not block the agent, so incoming
//! messages are checked: their size, their number while a query is prepared, and the rounds of hashing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::servers::MAX_MESSAGE;

/// Maximum bytes of a message during authentication.
const MAX_SIGN_IN: usize = 16 << 10;
/// Maximum rounds of password hashing; servers ask for 4,096.
const MAX_ROUNDS: u64 = 1_000_000;
/// Maximum messages until the rows come: each column of an unknown type takes some.
const MAX_PREPARING: u32 = 8_000;

/// Type and length.
const HEADER: usize = 5;

/// Number of messages that may still come.
#[derive(Debug, Clone)]
pub(super) struct Allowance(Arc<AtomicU32>);

impl Allowance {
    pub(super) fn new() -> Allowance {
        Allowance(Arc::new(AtomicU32::new(MAX_PREPARING)))
    }

    /// Removes the limit on the number of messages.
    pub(super) fn lift(&self) {
        self.0.store(u32::MAX, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        match self.0.load(Ordering::Relaxed) {
            0 => false,
            u32::MAX => true,
            left => {
                self.0.store(left - 1, Ordering::Relaxed);
                true
            }
        }
    }
}

/// A connection whose incoming messages are checked.
pub(super) struct Guard<S> {
    stream: S,
    messages: Messages,
}

impl<S> Guard<S> {
    pub(super) fn new(stream: S, allowance: Allowance) -> Guard<S> {
        Guard {
            stream,
            messages: Messages {
                header: Vec::with_capacity(HEADER),
                left: 0,
                sign_in: None,
                allowance,
            },
        }
    }
}

/// The position of the incoming bytes within the messages.
struct Messages {
    header: Vec<u8>,
    /// Bytes of the message still to come.
    left: usize,
    /// The message, during authentication.
    sign_in: Option<Vec<u8>>,
    allowance: Allowance,
}

impl Messages {
    fn look(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while !bytes.is_empty() {
            if self.left > 0 {
                let (now, later) = bytes.split_at(self.left.min(bytes.len()));
                self.left -= now.len();
                if let Some(message) = &mut self.sign_in {
                    message.extend_from_slice(now);
                    if self.left == 0 {
                        check_sign_in(message)?;
                        self.sign_in = None;
                    }
                }
                bytes = later;
                continue;
            }
            let (now, later) = bytes.split_at((HEADER - self.header.len()).min(bytes.len()));
            self.header.extend_from_slice(now);
            bytes = later;
            if let &[kind, a, b, c, d] = self.header.as_slice() {
                self.header.clear();
                self.begin(kind, u32::from_be_bytes([a, b, c, d]) as usize)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, kind: u8, length: usize) -> Result<(), String> {
        // The length includes itself.
        self.left = length.saturating_sub(4);
        if self.left > MAX_MESSAGE {
            return Err(format!(
                "the server sends a message of {length} bytes, more than {MAX_MESSAGE}"
            ));
        }
        if !self.allowance.take() {
            return Err(format!(
                "the server sends more than {MAX_PREPARING} messages before the first row; ask for fewer columns of types of your own"
            ));
        }
        if kind == b'R' {
            if self.left > MAX_SIGN_IN {
                return Err(format!("the server asks for a sign-in with {length} bytes"));
            }
            self.sign_in = Some(Vec::with_capacity(self.left));
        }
        Ok(())
    }
}

/// Checks the rounds of SCRAM: a message of type 11 with `…,i=4096`.
fn check_sign_in(message: &[u8]) -> Result<(), String> {
    let Some(text) = message.strip_prefix(&11u32.to_be_bytes()) else {
        return Ok(());
    };
    for field in text.split(|byte| *byte == b',') {
        let Some(rounds) = field.strip_prefix(b"i=") else {
            continue;
        };
        let rounds = std::str::from_utf8(rounds)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        if rounds.is_none_or(|rounds| rounds > MAX_ROUNDS) {
            return Err(format!(
                "the server asks to hash the password more than {MAX_ROUNDS} times"
            ));
        }
    }
    Ok(())
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        Poll::Ready(this.messages.look(new).map_err(io::Error::other))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn look(bytes: &[u8], piece: usize) -> Result<(), String> {
        let mut guard = Guard::new((), Allowance::new());
        bytes
            .chunks(piece)
            .try_for_each(|piece| guard.messages.look(piece))
    }

    fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], content].concat()
    }

    #[test]
    fn messages_are_told_apart_however_they_come() {
        let fine = [b"\0\0\0\x0br=abc,s=AAAA,i=4096".as_slice()].concat();
        let bad = [b"\0\0\0\x0br=abc,s=AAAA,i=4294967295".as_slice()].concat();
        for piece in 1..20 {
            let good = [message(b'D', b"abc"), message(b'Z', b""), message(b'R', &fine)].concat();
            assert_eq!(look(&good, piece), Ok(()));
            let error = look(&[good, message(b'R', &bad)].concat(), piece).unwrap_err();
            assert!(error.contains("hash the password"), "{error}");
            assert!(
                look(b"D\xff\xff\xff\xff", piece)
                    .unwrap_err()
                    .contains("4294967295 bytes")
            );
        }
    }

    #[test]
    fn messages_are_counted_until_the_rows_come() {
        let many = message(b'D', b"x").repeat(MAX_PREPARING as usize + 1);
        assert!(look(&many, 4096).unwrap_err().contains("before the first row"));
        let mut guard = Guard::new((), Allowance::new());
        guard.messages.allowance.lift();
        assert_eq!(guard.messages.look(&many), Ok(()));
    }
}
