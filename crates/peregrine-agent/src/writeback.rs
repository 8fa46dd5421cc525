//! What the agent remembers: its key, the server's certificate, the event table.
//!
//! One or two YAML files of mode 0600, as other agents of this protocol keep them. Of two, the first holds the identity
//! and hardly ever changes, the second a copy of it and everything else; losing either loses no identity.

use crate::files::write_atomically;
use parking_lot::Mutex;
use peregrine_proto::VqlEventTable;
use peregrine_wire::{PrivateKey, Writeback, ids};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The files and their content.
pub(crate) struct WritebackStore {
    first: PathBuf,
    second: Option<PathBuf>,
    content: Mutex<Writeback>,
}

impl WritebackStore {
    /// Reads the file, and that whose name has `suffix` added unless it is empty; on the first start makes a key.
    pub(crate) fn open(first: &Path, suffix: &str) -> anyhow::Result<WritebackStore> {
        let second = (!suffix.is_empty()).then(|| {
            let mut name = first.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        });
        let level2 = second.as_deref().map(read).transpose()?.flatten();
        let level1 = read(first)?.filter(|level1| level2.is_none() || !level1.private_key.is_empty());
        let content = Writeback::from_levels(level1, level2);
        let store = WritebackStore {
            first: first.to_owned(),
            second,
            content: Mutex::new(content),
        };
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
        if self.second.is_some() {
            save(&self.first, &content.identity())?;
        }
        self.save(&content)
    }

    /// The agent's key.
    pub(crate) fn key(&self) -> anyhow::Result<PrivateKey> {
        Ok(PrivateKey::from_pem(&self.content.lock().private_key)?)
    }

    /// Unix seconds of the first start.
    pub(crate) fn install_time(&self) -> u64 {
        self.content.lock().install_time
    }

    /// The event table of the last run.
    pub(crate) fn event_table(&self) -> Option<VqlEventTable> {
        self.content.lock().event_queries.clone()
    }

    /// Keeps the event table for the next start.
    pub(crate) fn set_event_table(&self, table: &VqlEventTable) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        content.event_queries = Some(table.clone());
        self.save(&content)
    }

    /// Keeps the server's certificate.
    pub(crate) fn set_server_pem(&self, pem: &str) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        if content.last_server_pem == pem {
            return Ok(());
        }
        pem.clone_into(&mut content.last_server_pem);
        self.save(&content)
    }

    fn save(&self, content: &Writeback) -> anyhow::Result<()> {
        save(self.second.as_ref().unwrap_or(&self.first), content)
    }
}

/// The content of a file; `None` when there is none or it is not what it should be. A disk that cannot be read is an
/// error: to go on would mean a new identity.
fn read(path: &Path) -> anyhow::Result<Option<Writeback>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => anyhow::bail!("cannot read `{}`: {error}; check its permissions", path.display()),
    };
    let content = Writeback::from_yaml(&String::from_utf8_lossy(&bytes));
    Ok(content
        .map_err(|error| tracing::warn!(path = %path.display(), %error, "state file not understood"))
        .ok())
}

fn save(path: &Path, content: &Writeback) -> anyhow::Result<()> {
    let text = content.to_yaml()?;
    write_atomically(path, text.as_bytes()).map_err(|error| {
        anyhow::anyhow!(
            "cannot write `{}`: {error}; check the folder and its permissions",
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_survives_the_loss_of_either_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.yaml");
        let id = |store: &WritebackStore| ids::client_id(store.key().unwrap().public());
        let store = WritebackStore::open(&path, ".bak").unwrap();
        let first = id(&store);
        store
            .set_event_table(&VqlEventTable {
                version: 7,
                ..VqlEventTable::default()
            })
            .unwrap();
        drop(store);

        std::fs::remove_file(&path).unwrap();
        let store = WritebackStore::open(&path, ".bak").unwrap();
        assert_eq!(id(&store), first);
        assert_eq!(store.event_table().unwrap().version, 7);

        std::fs::write(dir.path().join("agent.yaml.bak"), "nonsense: [").unwrap();
        let store = WritebackStore::open(&path, ".bak").unwrap();
        assert_eq!(id(&store), first);
        assert!(store.event_table().is_none());
    }
}
