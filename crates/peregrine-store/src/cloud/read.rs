//! Reading an object as a stream.

use super::Inner;
use crate::objects::{ObjectKey, ObjectReader};
use crate::{Error, Result};
use futures_util::StreamExt;
use object_store::{Error as StoreError, GetOptions, GetRange, GetResult, ObjectStore};
use tokio::sync::mpsc;

/// Largest offset that stores accept in a range.
const MAX_RANGE_END: u64 = i64::MAX as u64;

impl Inner {
    pub(super) async fn get(
        &self,
        key: &ObjectKey,
        offset: u64,
        length: Option<u64>,
    ) -> Result<ObjectReader> {
        let path = self.names.object(key)?;
        let range = match (offset, length) {
            (0, None) => None,
            (_, None) => Some(GetRange::Offset(offset)),
            (_, Some(length)) => Some(GetRange::Bounded(
                offset..offset.saturating_add(length).min(MAX_RANGE_END),
            )),
        };
        let has_range = range.is_some();
        let options = GetOptions {
            range,
            ..GetOptions::default()
        };
        match self.store.get_opts(&path, options).await {
            Ok(result) => Ok(self.reader(result)),
            Err(StoreError::NotFound { .. }) => Err(Error::not_found("object", key.as_str())),
            // Stores refuse a range beyond the end of an object; here it reads as empty.
            Err(error) if has_range => match self.info(key).await? {
                Some(info) if length == Some(0) || offset >= info.size => Ok(nothing()),
                _ => Err(self.place.failed("read", &error)),
            },
            Err(error) => Err(self.place.failed("read", &error)),
        }
    }

    fn reader(&self, result: GetResult) -> ObjectReader {
        let size = result.range.end.saturating_sub(result.range.start);
        let (sender, pieces) = mpsc::channel(4);
        let place = self.place.clone();
        tokio::spawn(async move {
            let mut stream = result.into_stream();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| place.failed("read", &error));
                let is_last = piece.is_err();
                if sender.send(piece).await.is_err() || is_last {
                    return;
                }
            }
        });
        ObjectReader { size, pieces }
    }
}

fn nothing() -> ObjectReader {
    let (_, pieces) = mpsc::channel(1);
    ObjectReader { size: 0, pieces }
}
