//! What a write is about. Writes about the same thing never run at the same time, on any server.

use super::ClientKey;
use peregrine_base::{HuntId, OrgId};
use std::hash::{Hash, Hasher};

/// What a write is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A client, with its collections and rows.
    Client(ClientKey),
    /// A hunt, and who takes part in it.
    Hunt(OrgId, HuntId),
    /// Accounts and their sessions, of all organisations.
    Users,
    /// The audit log of an organisation, which is numbered without gaps.
    Audit(OrgId),
    /// Writes that are correct in any order: replacing a value, signs of life, deleting what is too old.
    Nothing,
}

impl Subject {
    /// Key of its advisory lock; `None` if it needs none. The same on every server and in every version.
    pub(crate) fn lock(&self) -> Option<i64> {
        let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
        match self {
            Subject::Client(key) => {
                fnv.write(b"client");
                key.hash(&mut fnv);
            }
            Subject::Hunt(org, hunt) => {
                fnv.write(b"hunt");
                org.hash(&mut fnv);
                hunt.hash(&mut fnv);
            }
            Subject::Users => fnv.write(b"users"),
            Subject::Audit(org) => {
                fnv.write(b"audit");
                org.hash(&mut fnv);
            }
            Subject::Nothing => return None,
        }
        Some(fnv.finish().cast_signed())
    }
}

/// FNV-1a: the standard library's hasher may change from one version to the next, and this must not.
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
