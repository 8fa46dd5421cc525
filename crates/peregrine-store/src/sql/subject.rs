//! What a write is about. Writes about the same thing never run at the same time, on any server.

use super::ClientKey;
use peregrine_base::{HuntId, OrgId};
use std::hash::{Hash, Hasher};

/// What a write is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// A client, with its collections and rows.
    Client(ClientKey),
    /// A client, and event rows of the pseudo-client `server`.
    ClientAndServer(ClientKey),
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
    /// Keys of its advisory locks, the first of which also chooses the connection; empty if it needs none. The same on every
    /// server and in every version.
    pub(crate) fn locks(&self) -> Vec<i64> {
        match self {
            Subject::Client(key) => vec![lock(b"client", key)],
            Subject::ClientAndServer(key) => vec![lock(b"client", key), lock(b"client", &key.of_server())],
            Subject::Hunt(org, hunt) => vec![lock(b"hunt", &(org, hunt))],
            Subject::Users => vec![lock(b"users", &())],
            Subject::Audit(org) => vec![lock(b"audit", org)],
            Subject::Nothing => Vec::new(),
        }
    }
}

fn lock(kind: &[u8], what: &impl Hash) -> i64 {
    let mut fnv = Fnv(0xcbf2_9ce4_8422_2325);
    fnv.write(kind);
    what.hash(&mut fnv);
    fnv.finish().cast_signed()
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
