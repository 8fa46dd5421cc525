//! Chunks stored as objects: written before the packet's transaction, and read back.

use super::catalogue::Placed;
use super::record::Effect;
use crate::model::Micros;
use crate::objects::{ObjectKey, Objects};
use crate::{Error, Result};
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, stream};
use peregrine_base::OrgId;
use std::sync::Arc;

/// Chunks larger than this are better stored as objects in a bucket than in PostgreSQL.
///
/// `cargo run --release -p peregrine-store --example frames [postgres://…]`, objects in a folder of the same disk, on a busy
/// machine with two cores:
///
/// | chunk | stored MB/s, PostgreSQL | as objects | read MB/s, PostgreSQL | as objects | stored, SQLite | as objects |
/// |---|---|---|---|---|---|---|
/// | 11 kB | 27 | 5 | 87 | 103 | 26 | 8 |
/// | 46 kB | 19 | 8 | 107 | 92 | 45 | 26 |
/// | 95 kB | 27 | 15 | 94 | 164 | 50 | 40 |
/// | 195 kB | 29 | 32 | 102 | 273 | 54 | 64 |
/// | 796 kB | 46 | 120 | 171 | 267 | 63 | 125 |
///
/// In the database a chunk takes its size plus a tenth, or 1 kB.
pub const LARGE_CHUNK: usize = 128 << 10;

/// Objects written, read or removed concurrently for one caller.
pub(super) const AT_ONCE: usize = 8;

/// Where the bytes of large chunks are stored, and what counts as large.
#[derive(Clone)]
pub(crate) struct RowObjects {
    pub(super) objects: Arc<dyn Objects>,
    /// Chunks of more bytes than this become objects.
    beyond: usize,
}

impl std::fmt::Debug for RowObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowObjects")
            .field("beyond", &self.beyond)
            .finish_non_exhaustive()
    }
}

/// Where a stored chunk has its bytes.
pub(super) enum Stored {
    Here(Vec<u8>),
    /// The key of the object.
    Object(String),
}

impl RowObjects {
    pub(crate) fn new(objects: Arc<dyn Objects>, beyond: usize) -> RowObjects {
        RowObjects { objects, beyond }
    }

    /// A new key for each large effect, in the order of `effects`; empty if none is large. Writes nothing yet.
    pub(super) fn place(&self, org: &OrgId, now: Micros, effects: &[Effect]) -> Result<Vec<Option<Placed>>> {
        let is_large = |effect: &Effect| effect.chunk().is_some_and(|chunk| chunk.data.len() > self.beyond);
        if !effects.iter().any(is_large) {
            return Ok(Vec::new());
        }
        let place = |effect: &Effect| match effect.chunk().filter(|_| is_large(effect)) {
            Some(chunk) => Ok(Some(Placed::new(
                new_key(org)?.to_string(),
                chunk.data.len(),
                now,
            ))),
            None => Ok(None),
        };
        effects.iter().map(place).collect()
    }

    /// Writes the objects durably.
    pub(super) async fn write(&self, effects: &[Effect], placed: &[Option<Placed>]) -> Result<()> {
        // Only `AT_ONCE` at a time, so that a large packet is not in memory twice.
        let mut writes = FuturesUnordered::new();
        for (effect, placed) in effects.iter().zip(placed) {
            let (Some(chunk), Some(placed)) = (effect.chunk(), placed) else {
                continue;
            };
            if writes.len() >= AT_ONCE {
                writes.next().await.transpose()?;
            }
            let (objects, key) = (self.objects.clone(), ObjectKey::parse(&placed.object)?);
            let data = Bytes::copy_from_slice(&chunk.data);
            writes.push(async move { objects.put(&key, data).await });
        }
        while let Some(written) = writes.next().await {
            written?;
        }
        Ok(())
    }

    /// The bytes of an object; `None` if it does not exist.
    pub(super) async fn read(&self, key: &str, bytes: u64) -> Result<Option<Vec<u8>>> {
        let mut reader = match self.objects.get(&ObjectKey::parse(key)?, 0, None).await {
            Ok(reader) => reader,
            Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if reader.size != bytes {
            return Err(Error::Damaged(format!(
                "object `{key}` has {} bytes instead of {bytes}",
                reader.size
            )));
        }
        let mut data = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        while let Some(piece) = reader.pieces.recv().await {
            data.extend_from_slice(&piece?);
        }
        Ok(Some(data))
    }

    /// Removes objects; returns those that are gone, and the last error if others are not.
    pub(super) async fn remove(&self, objects: Vec<String>) -> (Vec<String>, Option<Error>) {
        let remove = |object: String| async move {
            match ObjectKey::parse(&object) {
                Ok(key) => self.objects.delete(&key).await.map(|()| object),
                Err(error) => Err(error),
            }
        };
        let (mut gone, mut trouble) = (Vec::new(), None);
        let mut removals = stream::iter(objects.into_iter().map(remove)).buffer_unordered(AT_ONCE);
        while let Some(removed) = removals.next().await {
            match removed {
                Ok(object) => gone.push(object),
                Err(error) => trouble = Some(error),
            }
        }
        (gone, trouble)
    }
}

/// Spread over 256 folders: none has to hold all objects, and empty ones do not pile up.
fn new_key(org: &OrgId) -> Result<ObjectKey> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::Objects(format!("a new name: no random number: {error}")))?;
    let name = u128::from_be_bytes(random);
    let name = format!("{name:032x}");
    Ok(ObjectKey::new(&[
        "rows",
        org.as_str(),
        name.get(..2).unwrap_or_default(),
        &name,
    ]))
}
