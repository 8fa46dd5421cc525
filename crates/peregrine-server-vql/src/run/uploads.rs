//! Files that a collection on the server uploads: they go straight to the objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use peregrine_accessors::{Upload, UploadFile, Uploader};
use peregrine_engine::prelude::*;
use peregrine_services::{clock, events, flows};
use peregrine_store::{Appended, ClientId, Effect, ObjectKey, Upload as StoredUpload};

use super::collection::Collection;
use super::results::Piece;

/// The destination of a collection's files.
pub(super) struct FlowUploader {
    collection: Arc<Collection>,
    totals: Arc<Totals>,
}

#[derive(Default)]
struct Totals {
    /// The number of the next file.
    next: AtomicI64,
    files: AtomicU64,
    bytes: AtomicU64,
    most_bytes: u64,
}

impl FlowUploader {
    /// A destination that takes at most so many bytes; 0 for no limit.
    pub(super) fn new(collection: &Arc<Collection>, most_bytes: u64) -> FlowUploader {
        FlowUploader {
            collection: Arc::clone(collection),
            totals: Arc::new(Totals {
                most_bytes,
                ..Totals::default()
            }),
        }
    }

    /// Files and bytes so far.
    pub(super) fn totals(&self) -> (u64, u64) {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (number(&self.totals.files), number(&self.totals.bytes))
    }
}

impl Uploader for FlowUploader {
    fn begin(&self, _: &Scope, file: UploadFile) -> VqlResult<Box<dyn Upload>> {
        let components = file.components();
        let flow_id = &self.collection.flow_id;
        let upload = FlowUpload {
            collection: Arc::clone(&self.collection),
            totals: Arc::clone(&self.totals),
            id: self.totals.next.fetch_add(1, Ordering::Relaxed),
            key: flows::upload_key(&ClientId::server(), flow_id, &file.accessor, &components),
            vfs_path: file.stored_name(),
            accessor: file.accessor,
            components,
            expected: file.expected_size,
            sent: 0,
        };
        upload.tell(Effect::UploadBegun {
            flow_id: flow_id.clone(),
            object: upload.key.to_string(),
            vfs_path: upload.vfs_path.clone(),
        })?;
        Ok(Box::new(upload))
    }
}

/// A file of which `sent` bytes are stored.
struct FlowUpload {
    collection: Arc<Collection>,
    totals: Arc<Totals>,
    id: i64,
    key: ObjectKey,
    vfs_path: String,
    accessor: String,
    components: Vec<String>,
    expected: u64,
    sent: u64,
}

impl FlowUpload {
    fn tell(&self, effect: Effect) -> VqlResult<()> {
        let piece = Piece::File(Box::new(effect));
        self.collection
            .pieces
            .blocking_send(piece)
            .map_err(|_| Stop.into())
    }

    fn append(&self, piece: &[u8]) -> VqlResult<()> {
        let objects = &self.collection.queries.core.storage.objects;
        let stored = objects.append(&self.key, self.sent, piece.to_vec().into());
        match self.collection.queries.runtime.block_on(stored) {
            Ok(Appended::Stored(_) | Appended::Duplicate) => Ok(()),
            Ok(Appended::Gap(have)) => Err(format!(
                "the object has {have} bytes of this file instead of {}",
                self.sent
            )
            .into()),
            Err(error) => Err(error.to_string().into()),
        }
    }
}

impl Upload for FlowUpload {
    fn id(&self) -> i64 {
        self.id
    }

    fn write(&mut self, _: &Scope, piece: &[u8]) -> VqlResult<()> {
        let length = piece.len() as u64;
        let before = self.totals.bytes.fetch_add(length, Ordering::Relaxed);
        let most = self.totals.most_bytes;
        if most > 0 && before.saturating_add(length) > most {
            self.totals.bytes.fetch_sub(length, Ordering::Relaxed);
            self.collection.query.cancel(&format!(
                "stopped after {before} uploaded bytes; allow more to collect all"
            ));
            return Err(Stop.into());
        }
        self.append(piece)?;
        self.sent += length;
        Ok(())
    }

    fn finish(self: Box<Self>, _: &Scope, is_whole: bool) -> VqlResult<Option<Str>> {
        if self.sent == 0 {
            // Empty files are files, too.
            self.append(&[])?;
        }
        let objects = &self.collection.queries.core.storage.objects;
        let sealed = self.collection.queries.runtime.block_on(objects.seal(&self.key));
        let uploaded_size = sealed.map_err(|error| error.to_string())?;
        self.totals.files.fetch_add(1, Ordering::Relaxed);
        let upload = StoredUpload {
            object: self.key.to_string(),
            vfs_path: self.vfs_path.clone(),
            accessor: self.accessor.clone(),
            components: self.components.clone(),
            // The file may have grown or shrunk since its size was read.
            file_size: if is_whole {
                uploaded_size
            } else {
                self.expected.max(uploaded_size)
            },
            uploaded_size,
            index: String::new(),
            finished: clock::now(),
        };
        let flow_id = self.collection.flow_id.clone();
        let told = events::upload_completed(&ClientId::server(), &upload)
            .map_err(|error| VqlError::Message(error.to_string()))?;
        self.tell(Effect::Upload { flow_id, upload })?;
        self.tell(told)?;
        Ok(None)
    }
}
