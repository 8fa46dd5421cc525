//! The agent's persistent memory: its key, the server's certificate, the event table.
//!
//! One or two YAML files of mode 0600, like those of other agents of this protocol. If there are two, the
//! first holds the identity and hardly ever changes, the second a copy of it and everything else; losing
//! either one does not lose the identity.

use crate::state::files::write_atomically;
use parking_lot::Mutex;
use peregrine_proto::VqlEventTable;
use peregrine_wire::{PrivateKey, Writeback, ids};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Lower than the version of any server's table.
const UNKNOWN_VERSION: u64 = 0;

/// The files and their content.
pub(crate) struct WritebackStore {
    first: PathBuf,
    second: Option<PathBuf>,
    content: Mutex<Writeback>,
    /// True when the files hold a newer identity than that of the running agent.
    is_renewed: AtomicBool,
}

impl WritebackStore {
    /// Reads the file, and a second one whose name ends in `suffix` unless that is empty; makes a key on the
    /// first start.
    pub(crate) fn open(first: &Path, suffix: &str) -> anyhow::Result<WritebackStore> {
        let second = (!suffix.is_empty()).then(|| {
            let mut name = first.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        });
        let level2 = second.as_deref().map(read).transpose()?.flatten();
        let level1 = read(first)?;
        let content = merge(level1.clone(), level2.clone());
        let store = WritebackStore {
            first: first.to_owned(),
            second,
            content: Mutex::new(content),
            is_renewed: AtomicBool::new(false),
        };
        store.complete(level1.as_ref(), level2.as_ref())?;
        Ok(store)
    }

    /// Adds what is missing, and writes the files that are out of date.
    fn complete(&self, level1: Option<&Writeback>, level2: Option<&Writeback>) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        let is_known = has_key(&content);
        if !is_known {
            if !content.private_key.is_empty() {
                tracing::error!("the agent's key can't be read; it gets a new identity");
                for path in std::iter::once(&self.first).chain(&self.second) {
                    keep_damaged(path);
                }
            }
            let key = PrivateKey::generate()?;
            key.to_pem()?.as_str().clone_into(&mut content.private_key);
            content.client_id = ids::client_id(key.public());
        }
        if content.install_time == 0 {
            content.install_time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        }
        let written = self.write_missing(&content, level1, level2);
        match written {
            // The identity is known; the disk may have room at the next start.
            Err(error) if is_known => {
                tracing::warn!(%error, "the agent's state could not be written; it starts all the same")
            }
            outcome => return outcome,
        }
        Ok(())
    }

    /// Writes a file only if that changes it: a start leaves the identity alone, and needs no room on the
    /// disk.
    fn write_missing(
        &self,
        content: &Writeback,
        level1: Option<&Writeback>,
        level2: Option<&Writeback>,
    ) -> anyhow::Result<()> {
        if self.second.is_none() {
            return if level1 == Some(content) {
                Ok(())
            } else {
                self.save(content)
            };
        }
        if level1.is_none_or(|level1| level1.identity() != content.identity()) {
            // Also replaces a file that could not be read; a missing one has nothing to keep.
            if level1.is_none_or(|level1| !level1.private_key.is_empty() && !has_key(level1)) {
                keep_damaged(&self.first);
            }
            save(&self.first, &content.identity())?;
        }
        if level2 == Some(content) {
            Ok(())
        } else {
            self.save(content)
        }
    }

    /// The agent's key.
    pub(crate) fn key(&self) -> anyhow::Result<PrivateKey> {
        Ok(PrivateKey::from_pem(&self.content.lock().private_key)?)
    }

    /// The time of the first start, in Unix seconds.
    pub(crate) fn install_time(&self) -> u64 {
        self.content.lock().install_time
    }

    /// The event table of the last run.
    pub(crate) fn event_table(&self) -> Option<VqlEventTable> {
        self.content.lock().event_queries.clone()
    }

    /// Stores the event table for the next start.
    pub(crate) fn set_event_table(&self, table: &VqlEventTable) -> anyhow::Result<()> {
        let mut content = self.content.lock();
        content.event_queries = Some(VqlEventTable {
            version: if self.is_renewed.load(Ordering::Relaxed) {
                UNKNOWN_VERSION
            } else {
                table.version
            },
            ..table.clone()
        });
        self.save(&content)
    }

    /// Replaces the identity by a new one, and returns its client id. The key in use does not change until
    /// the next start.
    ///
    /// The event table is kept, so that monitoring has no gap, but its version is not: the server gives the
    /// new client its own table. The first file decides the identity, so it is written last; if that fails,
    /// the old identity stays in force.
    pub(crate) fn renew(&self) -> anyhow::Result<String> {
        let key = PrivateKey::generate()?;
        let client_id = ids::client_id(key.public());
        let mut content = self.content.lock();
        let mut renewed = Writeback {
            client_id: client_id.clone(),
            private_key: key.to_pem()?.as_str().to_owned(),
            install_time: content.install_time,
            last_server_pem: content.last_server_pem.clone(),
            event_queries: content.event_queries.clone(),
            ..Writeback::default()
        };
        if let Some(table) = &mut renewed.event_queries {
            table.version = UNKNOWN_VERSION;
        }
        self.save(&renewed)?;
        if self.second.is_some()
            && let Err(error) = save(&self.first, &renewed.identity())
        {
            self.save(&content)?;
            return Err(error);
        }
        *content = renewed;
        self.is_renewed.store(true, Ordering::Relaxed);
        Ok(client_id)
    }

    /// Stores the server's certificate.
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

/// Merges the state of both files. The first decides the identity, unless only its key is damaged.
fn merge(level1: Option<Writeback>, level2: Option<Writeback>) -> Writeback {
    let is_better = level2.as_ref().is_some_and(has_key) && !level1.as_ref().is_some_and(has_key);
    if is_better && level1.is_some() {
        tracing::warn!(
            "the agent's key is taken from its second state file, as that in the first can't be read"
        );
    }
    Writeback::from_levels(level1.filter(|_| !is_better), level2)
}

fn has_key(content: &Writeback) -> bool {
    PrivateKey::from_pem(&content.private_key).is_ok()
}

/// Keeps a damaged file, which somebody may still be able to repair.
fn keep_damaged(path: &Path) {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    let kept = PathBuf::from(name);
    if !kept.exists()
        && let Err(error) = std::fs::rename(path, &kept)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a damaged state file could not be kept");
    }
}

/// The content of a file; `None` if it does not exist or is invalid. A disk that cannot be read is an error:
/// continuing would mean a new identity.
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
    fn a_new_identity_replaces_the_old_key_everywhere() {
        let dir = tempfile::tempdir().unwrap();
        for suffix in ["", ".bak"] {
            let path = dir.path().join(format!("agent{suffix}.yaml"));
            let store = WritebackStore::open(&path, suffix).unwrap();
            let old = store.content.lock().clone();
            let table = |version| VqlEventTable {
                version,
                event: vec![Default::default()],
            };
            store.set_event_table(&table(7)).unwrap();
            let new_id = store.renew().unwrap();
            assert_ne!(new_id, old.client_id);
            // A table that arrives before the restart also belongs to the old client.
            store.set_event_table(&table(8)).unwrap();
            drop(store);
            let store = WritebackStore::open(&path, suffix).unwrap();
            assert_eq!(ids::client_id(store.key().unwrap().public()), new_id);
            assert_eq!(store.install_time(), old.install_time);
            assert_eq!(store.event_table().unwrap(), table(0));
            let secret = old.private_key.lines().nth(5).unwrap();
            for entry in std::fs::read_dir(dir.path()).unwrap() {
                let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                assert!(!text.contains(secret));
            }
        }
    }

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

    #[test]
    fn a_damaged_key_does_not_beat_the_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agent.yaml");
        let backup = dir.path().join("agent.yaml.bak");
        let id = |store: &WritebackStore| ids::client_id(store.key().unwrap().public());
        let first = id(&WritebackStore::open(&path, ".bak").unwrap());
        for (damaged, whole) in [(&path, &backup), (&backup, &path)] {
            let good = std::fs::read_to_string(whole).unwrap();
            let text = std::fs::read_to_string(damaged).unwrap();
            let line = text.lines().filter(|line| line.len() > 40).nth(3).unwrap();
            std::fs::write(damaged, text.replace(line, &"A".repeat(line.len()))).unwrap();
            let store = WritebackStore::open(&path, ".bak").unwrap();
            assert_eq!(id(&store), first, "{}", damaged.display());
            assert_eq!(std::fs::read_to_string(whole).unwrap(), good);
            // The damaged file has been repaired, too.
            std::fs::remove_file(whole).unwrap();
            assert_eq!(id(&WritebackStore::open(&path, ".bak").unwrap()), first);
        }
        let kept = std::fs::read_to_string(dir.path().join("agent.yaml.damaged")).unwrap();
        assert!(kept.contains("AAAA"));
    }

    #[test]
    fn a_start_leaves_the_files_alone() {
        use std::os::unix::fs::MetadataExt;
        let dir = tempfile::tempdir().unwrap();
        for suffix in ["", ".bak"] {
            let path = dir.path().join(format!("agent{suffix}.yaml"));
            WritebackStore::open(&path, suffix).unwrap();
            let inodes = || -> Vec<u64> {
                let entries = std::fs::read_dir(dir.path()).unwrap();
                entries
                    .map(|entry| entry.unwrap().metadata().unwrap().ino())
                    .collect()
            };
            let before = inodes();
            WritebackStore::open(&path, suffix).unwrap();
            assert_eq!(inodes(), before);
        }
    }
}
