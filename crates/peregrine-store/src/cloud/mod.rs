//! Objects in a bucket of S3 or Google, or in a container of Azure, which several servers can share.
//!
//! Buckets cannot append. An object under construction is therefore a chain of *parts*, objects of their own below
//! `.parts`: each holds the bytes of one [`Objects::append`], is named by its attempt and offset, and is only stored if
//! no part of that name exists. Names are the only state, so any server can continue where another one stopped.
//! [`Objects::seal`] joins the chain and then deletes it.

mod append;
mod check;
mod failure;
mod names;
mod open;
mod parts;
mod read;
mod seal;

pub use open::CloudOptions;

use crate::Result;
use crate::objects::{Appended, ObjectInfo, ObjectKey, ObjectReader, Objects};
use async_trait::async_trait;
use bytes::Bytes;
use failure::StoreAddress;
use futures_util::{StreamExt, TryStreamExt, stream};
use names::Names;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutPayload};
use parking_lot::Mutex;
use parts::Ends;
use seal::Seals;
use std::sync::Arc;

/// Objects in a bucket.
#[derive(Clone)]
pub struct CloudObjects(Arc<Inner>);

struct Inner {
    store: Arc<dyn ObjectStore>,
    place: StoreAddress,
    names: Names,
    /// Where chains ended when this server last looked: a hint that saves listing them from the start.
    ends: Mutex<Ends>,
    seals: Seals,
}

impl CloudObjects {
    /// Opens a bucket by an address such as `s3://bucket/folder`, and checks that the server can read, write, list and
    /// delete there.
    pub async fn connect(address: &str, options: &CloudOptions) -> Result<CloudObjects> {
        let objects = CloudObjects::open(address, options)?;
        objects.0.check().await?;
        Ok(objects)
    }

    /// Opens a bucket without any request, for reading only.
    pub fn open(address: &str, options: &CloudOptions) -> Result<CloudObjects> {
        let (store, place, folder) = open::open(address, options)?;
        Ok(CloudObjects(Arc::new(Inner {
            store,
            place,
            names: Names::below(folder),
            ends: Mutex::default(),
            seals: Seals::default(),
        })))
    }
}

#[async_trait]
impl Objects for CloudObjects {
    fn is_shared(&self) -> bool {
        true
    }

    async fn put(&self, key: &ObjectKey, data: Bytes) -> Result<()> {
        let path = self.0.names.object(key)?;
        let put = self.0.store.put(&path, PutPayload::from(data)).await;
        put.map(drop)
            .map_err(|error| self.0.place.failed("write", &error))
    }

    async fn append(&self, key: &ObjectKey, offset: u64, data: Bytes) -> Result<Appended> {
        self.0.append(key, offset, &data).await
    }

    async fn seal(&self, key: &ObjectKey) -> Result<u64> {
        seal::seal(&self.0, key).await
    }

    async fn get(&self, key: &ObjectKey, offset: u64, length: Option<u64>) -> Result<ObjectReader> {
        self.0.get(key, offset, length).await
    }

    async fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>> {
        self.0.info(key).await
    }

    async fn list(&self, below: &ObjectKey) -> Result<Vec<ObjectInfo>> {
        let path = self.0.names.object(below)?;
        let mut found = Vec::new();
        let mut listed = self.0.store.list(Some(&path));
        while let Some(meta) = listed.next().await {
            let meta = meta.map_err(|error| self.0.place.failed("list", &error))?;
            if let Some(key) = self.0.names.key(&meta.location) {
                found.push(ObjectInfo { key, size: meta.size });
            }
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    async fn delete(&self, key: &ObjectKey) -> Result<()> {
        let object = self.0.names.object(key)?;
        let below = self.0.store.list(Some(&object));
        let parts = self.0.store.list(Some(&self.0.names.parts(key)?));
        let paths = below.chain(parts).map_ok(|meta| meta.location);
        self.0.ends.lock().forget_below(key);
        self.0
            .delete(stream::iter([Ok(object)]).chain(paths).boxed())
            .await
    }

    async fn free_bytes(&self) -> Option<u64> {
        None
    }
}

impl Inner {
    /// Deletes these in order; deleting what does not exist is not an error.
    async fn delete(
        &self,
        paths: stream::BoxStream<'static, object_store::Result<object_store::path::Path>>,
    ) -> Result<()> {
        let mut deleted = self.store.delete_stream(paths);
        while let Some(result) = deleted.next().await {
            match result {
                Ok(_) | Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(self.place.failed("delete", &error)),
            }
        }
        Ok(())
    }

    async fn info(&self, key: &ObjectKey) -> Result<Option<ObjectInfo>> {
        match self.store.head(&self.names.object(key)?).await {
            Ok(meta) => Ok(Some(ObjectInfo {
                key: key.clone(),
                size: meta.size,
            })),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.place.failed("read", &error)),
        }
    }
}
