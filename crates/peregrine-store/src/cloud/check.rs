//! Checks at startup, so that a wrong bucket, key or permission shows then and not when the first agent sends a file.

use super::Inner;
use crate::{Error, Result};
use futures_util::{StreamExt, stream};
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use std::time::Duration;

/// Time for all checks.
const LIMIT: Duration = Duration::from_secs(30);

impl Inner {
    pub(super) async fn check(&self) -> Result<()> {
        match tokio::time::timeout(LIMIT, self.try_everything()).await {
            Ok(tried) => tried,
            Err(_) => Err(self.place.trouble(&format!(
                "no answer within {} seconds; look at `endpoint` and `region` in `Datastore.object_options`, and whether this \
                 machine has access keys (else they are asked for in the cloud's own network)",
                LIMIT.as_secs()
            ))),
        }
    }

    async fn try_everything(&self) -> Result<()> {
        let nonce =
            getrandom::u64().map_err(|error| self.place.trouble(&format!("no random number: {error}")))?;
        let path = self.names.probe(nonce)?;
        let content = b"peregrine was here";
        let create = || {
            self.store.put_opts(
                &path,
                PutPayload::from_static(content),
                PutOptions::from(PutMode::Create),
            )
        };
        create()
            .await
            .map_err(|error| self.place.failed("write", &error))?;
        match create().await {
            Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(self.place.failed("write", &error)),
            Ok(_) => {
                return Err(self.place.trouble(
                    "this store overwrites what it was told to create only when it is missing (`If-None-Match`), so several servers \
                     would damage each other's files; choose another store, or a newer version of it",
                ));
            }
        }
        let read = async { self.store.get(&path).await?.bytes().await };
        let read = read.await.map_err(|error| self.place.failed("read", &error))?;
        if read != content.as_slice() {
            return Err(self.place.trouble("what was written is not what is read"));
        }
        self.check_listing(&path).await?;
        self.delete(stream::iter([Ok(path)]).boxed()).await
    }

    /// Checks that the probe is listed at once.
    async fn check_listing(&self, path: &object_store::path::Path) -> Result<(), Error> {
        let mut listed = self.store.list(Some(&self.names.probes()?));
        while let Some(meta) = listed.next().await {
            if meta.map_err(|error| self.place.failed("list", &error))?.location == *path {
                return Ok(());
            }
        }
        Err(self.place.trouble(
            "what was written is not listed at once, so appending to files cannot work; choose another store",
        ))
    }
}
