//! What the agent remembers: its key, the server's certificate, the event table.
//!
//! Two YAML files of mode 0600, as other agents of this protocol keep them: the first holds the identity and hardly ever
//! changes, the second (`….bak`) a copy of it and everything else. Losing either loses no identity.

use crate::files::write_atomically;
use parking_lot::Mutex;
use peregrine_proto::VqlEventTable;
use peregrine_wire::config::Writeback;
use peregrine_wire::{PrivateKey, ids};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The files and their content.
pub struct WritebackStore {
    first: PathBuf,
    second: PathBuf,
    content: Mutex<Writeback>,
}

impl WritebackStore {
    /// Reads both files; on the first start makes a key.
    pub fn open(first: &Path, suffix: &str) -> anyhow::Result<WritebackStore> {
        let mut second = first.as_os_str().to_owned();
        second.push(if suffix.is_empty() { ".bak" } else { suffix });
        let second = PathBuf::from(second);
        let mut content = read(&second).unwrap_or_default();
        if let Some(identity) = read(first).filter(|identity| !identity.private_key.is_empty()) {
            content.private_key = identity.private_key;
            content.client_id = identity.client_id;
            content.install_time = identity.install_time;
        }
        let store = WritebackStore { first: first.to_owned(), second, content: Mutex::new(content) };
        store.complete()?;
        Ok(store)
    }

    fn complete(&self) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        if PrivateKey::from_pem(&content.private_key).is_err() {
            if !content.private_key.is_empty() {
                tracing::error!("the agent's key can't be read; it gets a new identity");
            }
            let key = PrivateKey::generate()?;
            key.to_pem()?.as_str().clone_into(&mut content.private_key);
            content.client_id = ids::client_id(key.public());
        }
        if content.install_time == 0 {
            content.install_time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        }
        let identity = Writeback {
            private_key: content.private_key.clone(),
            client_id: content.client_id.clone(),
            install_time: content.install_time,
            ..Writeback::default()
        };
        save(&self.first, &identity)?;
        save(&self.second, &content)
    }

    /// The agent's key.
    pub fn key(&self) -> anyhow::Result<PrivateKey> {
        Ok(PrivateKey::from_pem(&self.content.lock().private_key)?)
    }

    /// Unix seconds of the first start.
    pub fn install_time(&self) -> u64 {
        self.content.lock().install_time
    }

    /// The event table of the last run.
    pub fn event_table(&self) -> Option<VqlEventTable> {
        self.content.lock().event_queries.clone()
    }

    /// Keeps the event table for the next start.
    pub fn set_event_table(&self, table: &VqlEventTable) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        content.event_queries = Some(table.clone());
        save(&self.second, &content)
    }

    /// Keeps the server's certificate.
    pub fn set_server_pem(&self, pem: &str) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        if content.last_server_pem == pem {
            return Ok(());
        }
        pem.clone_into(&mut content.last_server_pem);
        save(&self.second, &content)
    }
}

fn read(path: &Path) -> Option<Writeback> {
    let text = std::fs::read_to_string(path).ok()?;
    match serde_saphyr::from_str(&text) {
        Ok(content) => Some(content),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "unreadable; the other copy is used");
            None
        }
    }
}

fn save(path: &Path, content: &Writeback) -> anyhow::Result<()> {
    let text = serde_saphyr::to_string(content)?;
    write_atomically(path, text.as_bytes())
        .map_err(|error| anyhow::anyhow!("cannot write `{}`: {error}; check the folder and its permissions", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_survives_the_loss_of_either_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.yaml");
        let id = |store: &WritebackStore| ids::client_id(store.key().unwrap().public());
        let store = WritebackStore::open(&path, "").unwrap();
        let first = id(&store);
        store.set_event_table(&VqlEventTable { version: 7, ..VqlEventTable::default() }).unwrap();
        drop(store);

        std::fs::remove_file(&path).unwrap();
        let store = WritebackStore::open(&path, "").unwrap();
        assert_eq!(id(&store), first);
        assert_eq!(store.event_table().unwrap().version, 7);

        std::fs::write(dir.path().join("agent.yaml.bak"), "nonsense: [").unwrap();
        let store = WritebackStore::open(&path, "").unwrap();
        assert_eq!(id(&store), first);
        assert!(store.event_table().is_none());
    }
}
