//! Files that agents send in pieces: appended to an object, sealed at the end.

use crate::shared::Shared;
use crate::{Result, clock};
use peregrine_proto::FileBuffer;
use peregrine_store::{Appended, Effect, ObjectKey, Upload};
use peregrine_wire::pack;
use std::collections::HashMap;

/// Most a piece may inflate to; agents send 1 MiB.
const MAX_PIECE: usize = 16 << 20;

/// Bytes of a path.
const MAX_PATH: usize = 64 << 10;

/// Uploads of one packet.
pub(super) struct Uploads<'a> {
    shared: &'a Shared,
    client_id: &'a str,
    known_flows: HashMap<String, bool>,
}

impl<'a> Uploads<'a> {
    pub(super) fn new(shared: &'a Shared, client_id: &'a str) -> Uploads<'a> {
        Uploads {
            shared,
            client_id,
            known_flows: HashMap::new(),
        }
    }

    /// Stores a piece; its last one gives the effect that lists the file. Pieces of unknown flows are dropped.
    pub(super) async fn store(&mut self, flow_id: &str, buffer: FileBuffer) -> Result<Option<Effect>> {
        if !self.is_known(flow_id).await? {
            return Ok(None);
        }
        let Some(data) = piece(&buffer) else {
            tracing::warn!(
                client_id = self.client_id,
                flow_id,
                "damaged piece of a file dropped"
            );
            return Ok(None);
        };
        let path = buffer.pathspec.clone().unwrap_or_default();
        if path.path.len() + path.components.iter().map(|part| part.len() + 1).sum::<usize>() > MAX_PATH {
            tracing::warn!(
                client_id = self.client_id,
                flow_id,
                "piece of a file with an endless path dropped"
            );
            return Ok(None);
        }
        let accessor = if path.accessor.is_empty() {
            "file".to_owned()
        } else {
            path.accessor
        };
        let components = if path.components.is_empty() {
            split(&path.path)
        } else {
            path.components
        };
        let mut key = flow_folder(self.client_id, flow_id);
        key.push("uploads");
        key.push(&accessor);
        // One component for the whole path: `/etc` and `/etc/passwd` can both be files here.
        key.push(&components.join("/"));
        let objects = &self.shared.storage.objects;
        if !data.is_empty() || buffer.offset == 0 {
            match objects.append(&key, buffer.offset, data.into()).await? {
                Appended::Stored(_) | Appended::Duplicate => {}
                Appended::Gap(have) => {
                    let at = buffer.offset;
                    tracing::warn!(
                        client_id = self.client_id,
                        flow_id,
                        at,
                        have,
                        "piece of a file is missing before this one"
                    );
                }
            }
        }
        if !buffer.eof {
            return Ok(None);
        }
        let uploaded_size = objects.seal(&key).await?;
        let index = buffer
            .index
            .as_ref()
            .map(serde_json::to_string)
            .transpose()
            .unwrap_or_default()
            .unwrap_or_default();
        let vfs_path = if path.path.is_empty() {
            format!("/{}", components.join("/"))
        } else {
            path.path
        };
        let upload = Upload {
            object: key.to_string(),
            vfs_path,
            accessor,
            components,
            file_size: buffer.size,
            uploaded_size,
            index,
            finished: clock::now(),
        };
        Ok(Some(Effect::Upload {
            flow_id: flow_id.to_owned(),
            upload,
        }))
    }

    async fn is_known(&mut self, flow_id: &str) -> Result<bool> {
        if let Some(known) = self.known_flows.get(flow_id) {
            return Ok(*known);
        }
        let known = self
            .shared
            .storage
            .database
            .flow(self.client_id, flow_id)
            .await?
            .is_some();
        self.known_flows.insert(flow_id.to_owned(), known);
        Ok(known)
    }
}

/// Where a flow's files are.
pub(crate) fn flow_folder(client_id: &str, flow_id: &str) -> ObjectKey {
    ObjectKey::new(&["clients", client_id, flow_id])
}

fn split(path: &str) -> Vec<String> {
    path.split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

fn piece(buffer: &FileBuffer) -> Option<Vec<u8>> {
    if buffer.uncompressed_length == 0 || buffer.data.is_empty() {
        return Some(buffer.data.clone());
    }
    let limit = usize::try_from(buffer.uncompressed_length)
        .ok()
        .filter(|length| *length <= MAX_PIECE)?;
    pack::decompress(&buffer.data, limit).ok()
}
