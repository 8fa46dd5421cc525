//! What a write is about. Writes about the same thing do not happen at the same time, on whatever server.

use std::hash::{Hash, Hasher};

/// What a write is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A client of an organisation, with its collections.
    Client(String, String),
    /// Accounts and their sessions.
    Users,
    /// The settings of an organisation, and the audit log, whose numbers have no holes.
    Settings,
    Audit,
    /// What touches many clients and reads none of them: signs of life, retention.
    Nothing,
}

impl Subject {
    /// The number of its lock; none if it needs none. The same on every server and in every version.
    pub(crate) fn lock(&self) -> Option<i64> {
        if *self == Subject::Nothing {
            return None;
        }
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        self.hash(&mut hasher);
        Some(hasher.finish().cast_signed())
    }
}

/// FNV-1a: the standard library's hasher may be another one in its next version.
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
