//! The object seam: files by key.

use crate::{Error, Result};
use async_trait::async_trait;
use std::fmt;
use tokio::sync::mpsc;

/// A checked object name: components joined with `/`, each made safe for any file system by [`ObjectKey::push`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

/// Longest stored component; longer ones are truncated and get a hash, so that they stay distinct.
const MAX_COMPONENT: usize = 180;

impl ObjectKey {
    /// A key from trusted, literal components such as `clients`.
    pub fn new(components: &[&str]) -> ObjectKey {
        let mut key = ObjectKey(String::new());
        for component in components {
            key.push(component);
        }
        key
    }

    /// Appends a component of any content; characters that a file system could misread become `%XX`.
    pub fn push(&mut self, component: &str) {
        if !self.0.is_empty() {
            self.0.push('/');
        }
        self.0.push_str(&escape(component));
    }

    /// Parses a key made by this type earlier; refuses anything that could escape the root.
    pub fn parse(text: &str) -> Result<ObjectKey> {
        let is_safe = |part: &str| {
            !part.is_empty()
                // A key never has such a component: these names are reserved for the store itself.
                && !part.starts_with('.')
                && part.bytes().all(|byte| is_plain(byte) || byte == b'%')
        };
        if text.split('/').all(is_safe) {
            Ok(ObjectKey(text.to_owned()))
        } else {
            Err(Error::BadName(text.to_owned()))
        }
    }

    /// The key as text, components joined with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+' | b'=' | b'@')
}

fn escape(component: &str) -> String {
    let mut safe = String::with_capacity(component.len());
    for (at, byte) in component.bytes().enumerate() {
        // A leading dot would hide the file, or be `.` or `..`; a trailing one is dropped by Windows.
        let is_edge_dot = byte == b'.' && (at == 0 || at + 1 == component.len());
        if is_plain(byte) && !is_edge_dot {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    if safe.is_empty() {
        return "%".to_owned();
    }
    if safe.len() > MAX_COMPONENT {
        let hash = component.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        safe.truncate(MAX_COMPONENT);
        safe.push_str(&format!("={hash:016x}"));
    }
    safe
}

/// What is known about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: ObjectKey,
    /// Size in bytes.
    pub size: u64,
}

/// What [`Objects::append`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The bytes are stored; the object now has this many.
    Stored(u64),
    /// The object already has these bytes.
    Duplicate,
    /// Bytes before `offset` are missing; the object has only this many. Nothing was stored.
    Gap(u64),
}

/// The bytes of an object, streamed in pieces.
pub struct ObjectReader {
    /// Total bytes that will come.
    pub size: u64,
    /// The pieces; the channel ends after the last or after an error.
    pub pieces: mpsc::Receiver<Result<bytes::Bytes>>,
}

/// Keeps files. Acknowledged bytes survive a power cut.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Whether servers on other machines can reach the same objects.
    fn is_shared(&self) -> bool;
    /// Stores a whole object; readers see the old one or the new one, never a partial one.
    async fn put(&self, key: &ObjectKey, data: bytes::Bytes) -> Result<()>;
    /// Adds bytes at `offset` to an object under construction. Offset 0 starts it over.
    async fn append(&self, key: &ObjectKey, offset: u64, data: bytes::Bytes) -> Result<Appended>;
    /// Makes an object under construction visible under its key; returns its size. [`Error::NotFound`] if neither a part
    /// nor a sealed object is there.
    async fn seal(&self, key: &ObjectKey) -> Result<u64>;
    /// Reads from `offset`, at most `length` bytes.
    async fn get(&self, key: &ObjectKey, offset: u64, length: Option<u64>) -> Result<ObjectReader>;
    /// Size of a sealed object; `None` if there is none.
    async fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>>;
    /// Sealed objects below a key, sorted by name.
    async fn list(&self, below: &ObjectKey) -> Result<Vec<ObjectInfo>>;
    /// Deletes an object or everything below a key; deleting what does not exist is not an error.
    async fn delete(&self, key: &ObjectKey) -> Result<()>;
    /// Free space in bytes; `None` where that has no meaning.
    async fn free_bytes(&self) -> Option<u64>;
}
