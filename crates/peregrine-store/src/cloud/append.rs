//! Appending a part to an object under construction: look up where its chain ends, then one conditional write.

use super::Inner;
use super::parts::Part;
use crate::Result;
use crate::objects::{Appended, ObjectKey};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use object_store::{Error as StoreError, ObjectStore, PutMode, PutOptions, PutPayload};

/// How often another server may be faster.
const TRIES: usize = 5;

impl Inner {
    pub(super) async fn append(&self, key: &ObjectKey, offset: u64, data: &Bytes) -> Result<Appended> {
        for _ in 0..TRIES {
            let stored = match offset {
                0 => self.begin(key, data).await?,
                _ => self.continue_chain(key, offset, data).await?,
            };
            if let Some(stored) = stored {
                return Ok(stored);
            }
            // Another server has stored a part of that name meanwhile: look again at where the chain ends.
            self.ends.lock().forget(key);
        }
        Err(self
            .place
            .trouble("other servers store the same file at the same time; it is tried again"))
    }

    /// Starts the object over and deletes what older attempts left, which nobody reads any more.
    async fn begin(&self, key: &ObjectKey, data: &Bytes) -> Result<Option<Appended>> {
        let older = self.all_parts(key).await?;
        let part = Part {
            attempt: older.last().map_or(0, |last| last.attempt.saturating_add(1)),
            offset: 0,
            size: data.len() as u64,
        };
        if !self.create(key, part, data.clone()).await? {
            return Ok(None);
        }
        if let Err(error) = self.delete_parts(key, &older).await {
            tracing::debug!(%key, %error, "parts of an older attempt stay until the object is sealed");
        }
        Ok(Some(Appended::Stored(part.end())))
    }

    async fn continue_chain(&self, key: &ObjectKey, offset: u64, data: &Bytes) -> Result<Option<Appended>> {
        let Some(last) = self.last_part(key).await? else {
            return Ok(Some(Appended::Gap(0)));
        };
        let have = last.end();
        let Some(there) = have.checked_sub(offset) else {
            return Ok(Some(Appended::Gap(have)));
        };
        if data.is_empty() {
            return Ok(Some(Appended::Stored(have)));
        }
        let rest = match usize::try_from(there) {
            Ok(there) if there < data.len() => data.slice(there..),
            _ => return Ok(Some(Appended::Duplicate)),
        };
        let part = Part {
            attempt: last.attempt,
            offset: have,
            size: rest.len() as u64,
        };
        let is_stored = self.create(key, part, rest).await?;
        Ok(is_stored.then_some(Appended::Stored(part.end())))
    }

    /// Stores a part unless one of that name exists; false if one does.
    async fn create(&self, key: &ObjectKey, part: Part, data: Bytes) -> Result<bool> {
        let path = self.names.part(key, part.attempt, part.offset)?;
        let create = PutOptions::from(PutMode::Create);
        match self.store.put_opts(&path, PutPayload::from(data), create).await {
            Ok(_) => {
                self.ends.lock().set(key, part);
                Ok(true)
            }
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(self.place.failed("write", &error)),
        }
    }

    /// Deletes parts, the beginnings of all attempts first: if this is cut short, what remains is not a chain.
    pub(super) async fn delete_parts(&self, key: &ObjectKey, parts: &[Part]) -> Result<()> {
        let (beginnings, others): (Vec<Part>, Vec<Part>) = parts.iter().partition(|part| part.offset == 0);
        for some in [beginnings, others] {
            if some.is_empty() {
                continue;
            }
            let paths: Result<Vec<_>> = some
                .iter()
                .map(|part| self.names.part(key, part.attempt, part.offset))
                .collect();
            self.delete(stream::iter(paths?.into_iter().map(Ok)).boxed())
                .await?;
        }
        Ok(())
    }
}
