//! The data that callers attach to a process: opaque to the tracker, storable in the journal.

use std::sync::Arc;

/// The caller's facts about one program image of a process (name, command line, user …).
///
/// The tracker shares a payload by `Arc` and never inspects it. Deduplicating strings is up to the payload.
pub trait Payload: Send + Sync + 'static {
    /// Appends a form that [`Payload::decode`] can read.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads the output of [`Payload::encode`]; `None` for anything else. The bytes may be hostile. Equal
    /// ones may be shared.
    fn decode(bytes: &[u8]) -> Option<Arc<Self>>
    where
        Self: Sized;

    /// Approximate bytes of memory the payload takes, for the statistics.
    fn size(&self) -> usize {
        size_of_val(self)
    }

    /// Whether `other`, seen later by a sync, is still the same program; if not, the sync counts as having
    /// discovered an exec, and the earlier image is kept as history.
    fn is_same_image(&self, other: &Self) -> bool {
        let _ = other;
        true
    }
}

impl Payload for String {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Arc<String>> {
        String::from_utf8(bytes.to_vec()).ok().map(Arc::new)
    }

    fn size(&self) -> usize {
        size_of::<String>() + self.capacity()
    }

    fn is_same_image(&self, other: &String) -> bool {
        self == other
    }
}
