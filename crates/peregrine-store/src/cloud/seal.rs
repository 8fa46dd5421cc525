//! Joining the parts of an object.

use super::Inner;
use super::parts::{Part, chain};
use crate::objects::ObjectKey;
use crate::{Error, Result};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, Shared};
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, MultipartUpload, ObjectStoreExt, PutPayload};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Bytes per request of an upload. S3 requires at least 5 MiB in all but the last, and some stores require equal sizes.
const PIECE: usize = 8 << 20;
/// Most requests per upload; S3 allows 10,000.
const MAX_PIECES: u64 = 9_000;
/// Pieces uploaded at the same time.
const UPLOADS: usize = 2;
/// Parts read ahead.
const READ_AHEAD: usize = 4;
/// Large objects joined at the same time; each has some 30 MiB in memory.
const MAX_LARGE: usize = 4;

/// A running seal, shared by everyone who waits for it.
type Running = Shared<BoxFuture<'static, Result<u64>>>;

/// Running seals. They continue when nobody waits any more, because joining a large object takes longer than agents wait
/// for an answer: when they ask again, they wait for the same seal.
pub(super) struct Seals {
    running: Mutex<HashMap<(ObjectKey, Part), Running>>,
    large: Semaphore,
}

impl Default for Seals {
    fn default() -> Seals {
        Seals {
            running: Mutex::default(),
            large: Semaphore::new(MAX_LARGE),
        }
    }
}

/// Joins an object, unless it is already sealed; waits if that is in progress.
pub(super) async fn seal(inner: &Arc<Inner>, key: &ObjectKey) -> Result<u64> {
    let listed = inner.all_parts(key).await?;
    let chain = chain(&listed, None);
    let Some(last) = chain.last().copied() else {
        // A repeated end of file: the object is in place, and at most some leftover parts remain to be deleted.
        inner.delete_parts(key, &listed).await?;
        let sealed = inner.info(key).await?;
        return sealed
            .map(|info| info.size)
            .ok_or_else(|| Error::not_found("object", key.as_str()));
    };
    let id = (key.clone(), last);
    let running = {
        let mut all = inner.seals.running.lock();
        let start = || {
            let (inner, id) = (Arc::clone(inner), id.clone());
            let task = tokio::spawn(async move {
                // Removes the entry however the seal ends, so that the next caller looks again.
                let _entry = RunningEntry {
                    inner: &inner,
                    id: &id,
                };
                inner.put_together(&id.0, &chain, &listed).await
            });
            task.map(|ended| ended.unwrap_or(Err(Error::Closed)))
                .boxed()
                .shared()
        };
        all.entry(id.clone()).or_insert_with(start).clone()
    };
    running.await
}

/// An entry of [`Seals::running`], removed on drop.
struct RunningEntry<'a> {
    inner: &'a Inner,
    id: &'a (ObjectKey, Part),
}

impl Drop for RunningEntry<'_> {
    fn drop(&mut self) {
        self.inner.seals.running.lock().remove(self.id);
    }
}

impl Inner {
    /// Makes one object of a chain and deletes the listed parts. Can be repeated wherever it was cut short.
    async fn put_together(&self, key: &ObjectKey, chain: &[Part], listed: &[Part]) -> Result<u64> {
        let size = chain.last().map_or(0, Part::end);
        let object = self.names.object(key)?;
        if size <= PIECE as u64 {
            let pieces: Vec<Bytes> = self.read_parts(key, chain).try_collect().await?;
            let put = self.store.put(&object, PutPayload::from_iter(pieces)).await;
            put.map_err(|error| self.place.failed("write", &error))?;
        } else {
            let _turn = self.seals.large.acquire().await.map_err(|_| Error::Closed)?;
            self.put_large(key, chain, &object, size).await?;
        }
        self.ends.lock().forget(key);
        if let Err(error) = self.delete_parts(key, listed).await {
            tracing::warn!(%key, %error, "an object is complete, but its parts could not be deleted");
        }
        Ok(size)
    }

    async fn put_large(&self, key: &ObjectKey, chain: &[Part], object: &Path, size: u64) -> Result<()> {
        let failed = |error: StoreError| self.place.failed("write", &error);
        let mut upload = self.store.put_multipart(object).await.map_err(failed)?;
        let mut uploaded = self.upload(key, chain, size, upload.as_mut()).await;
        // That took a while: an attempt started meanwhile must not be hidden by this older one.
        if uploaded.is_ok() && self::chain(&self.all_parts(key).await?, None) != chain {
            uploaded = Err(self
                .place
                .trouble("a file was sent anew while it was put together; it is tried again"));
        }
        if uploaded.is_err() {
            // Otherwise the pieces would remain, invisible but charged for.
            let _ = upload.abort().await;
            return uploaded;
        }
        upload.complete().await.map(drop).map_err(failed)
    }

    /// Uploads the bytes of a chain in pieces of equal size.
    async fn upload(
        &self,
        key: &ObjectKey,
        chain: &[Part],
        size: u64,
        upload: &mut dyn MultipartUpload,
    ) -> Result<()> {
        let piece_size = usize::try_from(size.div_ceil(MAX_PIECES)).map_or(PIECE, |least| least.max(PIECE));
        let mut running = JoinSet::new();
        let mut parts = self.read_parts(key, chain);
        let (mut piece, mut length) = (Vec::new(), 0);
        loop {
            let mut bytes = parts.try_next().await?;
            let is_last = bytes.is_none();
            while let Some(some) = &mut bytes
                && !some.is_empty()
                && length < piece_size
            {
                let head = some.split_to(some.len().min(piece_size - length));
                length += head.len();
                piece.push(head);
                if length < piece_size {
                    continue;
                }
                if running.len() >= UPLOADS {
                    self.join_one(&mut running).await?;
                }
                running.spawn(upload.put_part(PutPayload::from_iter(std::mem::take(&mut piece))));
                length = 0;
            }
            if is_last {
                break;
            }
        }
        if length > 0 {
            running.spawn(upload.put_part(PutPayload::from_iter(piece)));
        }
        while !running.is_empty() {
            self.join_one(&mut running).await?;
        }
        Ok(())
    }

    async fn join_one(&self, running: &mut JoinSet<object_store::Result<()>>) -> Result<()> {
        match running.join_next().await {
            Some(Ok(uploaded)) => uploaded.map_err(|error| self.place.failed("write", &error)),
            Some(Err(_)) => Err(Error::Closed),
            None => Ok(()),
        }
    }

    /// The bytes of parts, in order; reads `READ_AHEAD` parts ahead.
    fn read_parts<'a>(
        &'a self,
        key: &'a ObjectKey,
        parts: &'a [Part],
    ) -> stream::BoxStream<'a, Result<Bytes>> {
        stream::iter(parts)
            .map(|part| self.read_part(key, *part))
            .buffered(READ_AHEAD)
            .boxed()
    }

    async fn read_part(&self, key: &ObjectKey, part: Part) -> Result<Bytes> {
        let path = self.names.part(key, part.attempt, part.offset)?;
        let read = async { self.store.get(&path).await?.bytes().await };
        match read.await {
            Ok(bytes) if bytes.len() as u64 == part.size => Ok(bytes),
            Ok(bytes) => Err(Error::Damaged(format!(
                "part `{path}` has {} bytes and not {}",
                bytes.len(),
                part.size
            ))),
            Err(StoreError::NotFound { .. }) => Err(self.place.trouble(
                "a part was deleted while its file was put together, by another server that did the same; it is tried again",
            )),
            Err(error) => Err(self.place.failed("read", &error)),
        }
    }
}
