//! Checkpoints record which collections were running when the agent died, so that the server learns about it
//! at the next start instead of waiting.

use crate::state::files::{read_own, replace};
use crate::state::message::stats_message;
use crate::state::message_queue::MessageQueue as _;
use crate::state::outbox::Outbox;
use peregrine_proto::{FlowStats, VeloStatus, velo_status::ReturnedStatus};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// A folder with one small file for each running collection.
pub struct Checkpoints {
    folder: PathBuf,
    is_enabled: bool,
}

impl Checkpoints {
    /// Opens the checkpoints in this folder, which is created if missing. When disabled, only those of
    /// earlier runs are reported.
    pub(crate) fn open(folder: &Path, is_enabled: bool) -> std::io::Result<Checkpoints> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        Ok(Checkpoints {
            folder: folder.to_owned(),
            is_enabled,
        })
    }

    /// Records nothing: for agents whose work does not outlive them.
    #[must_use]
    pub fn none() -> Checkpoints {
        Checkpoints {
            folder: PathBuf::new(),
            is_enabled: false,
        }
    }

    fn path(&self, session_id: &str) -> PathBuf {
        // Session ids come from the server, so only harmless characters may reach the file system.
        let safe: String = session_id
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '.' {
                    c
                } else {
                    '_'
                }
            })
            .collect();
        self.folder.join(format!("{safe}.json"))
    }

    pub(crate) fn end(&self, session_id: &str) {
        if !self.is_enabled {
            return;
        }
        if let Err(error) = std::fs::remove_file(self.path(session_id))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(flow_id = session_id, %error, "could not remove a checkpoint");
        }
    }

    /// Records the progress of a collection. The error text says what its absence means.
    pub(crate) fn write(&self, session_id: &str, stats: &FlowStats) -> Result<(), String> {
        if !self.is_enabled {
            return Ok(());
        }
        let record = Record {
            session_id: session_id.to_owned(),
            stats: stats.clone(),
        };
        let outcome = serde_json::to_vec(&record)
            .map_err(std::io::Error::other)
            .and_then(|json| replace(&self.path(session_id), &json));
        outcome.map_err(|error| {
            tracing::warn!(flow_id = session_id, %error, "could not write a checkpoint");
            format!("no checkpoint could be written: {error}; should the agent be killed, only the server's own watch notices")
        })
    }

    /// Deletes all checkpoints; returns how many there were.
    pub(crate) fn forget(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return 0;
        };
        entries
            .flatten()
            .filter(|entry| std::fs::remove_file(entry.path()).is_ok())
            .count()
    }

    /// Reports every collection that was running when the agent last ended to the server, and deletes the
    /// checkpoints.
    pub(crate) fn recover(&self, outbox: &Outbox) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // Any other name is a file that was being written when the agent was killed.
            let is_whole = path.extension().is_some_and(|extension| extension == "json");
            let record = is_whole.then(|| read_own(&path).ok()).flatten();
            let record = record.and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok());
            if let Some(Record {
                session_id,
                mut stats,
            }) = record
            {
                tracing::info!(
                    flow_id = session_id,
                    "a collection was interrupted by the end of the agent"
                );
                for status in &mut stats.query_status {
                    if status.status == i32::from(ReturnedStatus::Progress) {
                        interrupt(status);
                    }
                }
                stats.flow_complete = true;
                // Nothing is being sent yet, so waiting for room would never end; the next start tries again.
                match outbox.send(stats_message(&session_id, stats), &|| true) {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(error) => {
                        tracing::error!(%error, "an interrupted collection could not be reported");
                        continue;
                    }
                }
            }
            let _ = std::fs::remove_file(path);
        }
    }
}

fn interrupt(status: &mut VeloStatus) {
    status.status = ReturnedStatus::GenericError.into();
    if status.error_message.is_empty() {
        "the agent was restarted while the collection ran; collect it again"
            .clone_into(&mut status.error_message);
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Record {
    session_id: String,
    stats: FlowStats,
}
