//! Records whose rows are in the buffer.
//!
//! A file next to the buffer holds the client id that filled it. An agent that starts with another id
//! (because it was rekeyed, or lost its key) must not send rows of the earlier id's collections: the server
//! does not know such collections for this client. Rows of event queries are about the machine, regardless of
//! its id, and are sent.

use crate::state::checkpoint::Checkpoints;
use crate::state::files::{read_own, write_atomically};
use crate::state::outbox::Outbox;
use std::path::{Path, PathBuf};

/// Drops what an earlier identity left, with a warning, and records that buffer and checkpoints belong to
/// this one.
pub(crate) fn settle(buffer: &Path, client_id: &str, outbox: &Outbox, checkpoints: &Checkpoints) {
    let path = owner_file(buffer);
    let owner = read_own(&path).unwrap_or_default();
    let owner = String::from_utf8_lossy(&owner);
    let owner = owner.trim();
    if owner == client_id {
        return;
    }
    if !owner.is_empty() {
        let collections = checkpoints.forget();
        match outbox.disown() {
            Ok(dropped) if dropped > 0 || collections > 0 => tracing::warn!(
                former_client_id = owner,
                client_id,
                dropped_bytes = dropped,
                interrupted_collections = collections,
                "rows of collections of the former identity could not be sent in time and are lost"
            ),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "rows of the former identity could not be told apart"),
        }
    }
    if let Err(error) = write_atomically(&path, client_id.as_bytes()) {
        tracing::warn!(path = %path.display(), %error, "could not note whose rows are in the buffer");
    }
}

fn owner_file(buffer: &Path) -> PathBuf {
    let mut name = buffer.as_os_str().to_owned();
    name.push(".owner");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::buffer::Buffer;
    use crate::state::message_queue::MessageQueue as _;
    use peregrine_proto::{FlowStats, VeloMessage};

    fn message(session_id: &str) -> VeloMessage {
        VeloMessage {
            session_id: session_id.to_owned(),
            ..VeloMessage::default()
        }
    }

    #[test]
    fn collections_of_a_former_identity_are_dropped_and_event_rows_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("buffer.bin");
        let checkpoints = Checkpoints::open(&dir.path().join("checkpoints"), true).unwrap();
        let outbox = Outbox::new(Buffer::open(&path, 1 << 20).unwrap(), 1 << 20);
        let fill = || {
            for session in [
                "F.1",
                peregrine_wire::ids::MONITORING,
                "F.2",
                peregrine_wire::ids::MONITORING,
            ] {
                assert!(outbox.send(message(session), &|| true).unwrap());
            }
            checkpoints.write("F.2", &FlowStats::default()).unwrap();
        };
        let waiting = || {
            let sent = outbox.lease(1 << 20, usize::MAX).unwrap();
            let count = sent.as_ref().map_or(0, |sent| sent.lists.len());
            sent.iter().for_each(|sent| outbox.commit(sent).unwrap());
            count
        };
        // The first start, and a start with the same identity.
        fill();
        settle(&path, "C.1", &outbox, &checkpoints);
        settle(&path, "C.1", &outbox, &checkpoints);
        assert_eq!(waiting(), 4);
        fill();
        settle(&path, "C.2", &outbox, &checkpoints);
        checkpoints.recover(&outbox);
        assert_eq!(waiting(), 2);
        settle(&path, "C.2", &outbox, &checkpoints);
        assert_eq!(waiting(), 0);
    }
}
