//! OpenPGP messages: encrypting to keys, and decrypting with them.
//!
//! A separate crate, which does not depend on any of ours, because the library brings a generation of
//! cryptographic crates that nothing else here uses. Absent: making keys, checking signatures, keys with a
//! passphrase, messages encrypted to a passphrase, compression with bzip2, ElGamal keys.
#![forbid(unsafe_code)]

mod decrypt;
mod encrypt;
mod keys;

pub use decrypt::{MAX_PLAIN, decrypt};
pub use encrypt::encrypt;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Why there is no result: first what happened, then what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

fn error(text: impl Display) -> Error {
    Error(text.to_string())
}

/// The library is large and reads untrusted bytes; if it panics, only this call fails.
fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(error(
            "the OpenPGP library failed on these data; please report them",
        ))
    })
}
