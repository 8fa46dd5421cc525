//! Files that agents upload in pieces: each piece is appended to an object, which is sealed at the end.

use crate::Result;
use crate::shared::Shared;
use peregrine_proto::FileBuffer;
use peregrine_services::flows::upload_key;
use peregrine_services::{clock, events};
use peregrine_store::{Appended, ClientId, Effect, Error as StoreError, FlowId, Upload};
use peregrine_wire::pack;

/// Most bytes a piece may inflate to; agents send 1 MiB.
const MAX_PIECE: usize = 16 << 20;

/// Longest path, in bytes.
const MAX_PATH: usize = 64 << 10;

/// Stores a piece, whose bytes come from [`take_inflated`], and returns the effects: the first piece of a file begins the upload,
/// the last one lists it, and gaps are recorded as losses. The caller has checked that the flow exists.
pub(super) async fn store(
    shared: &Shared,
    client_id: &ClientId,
    flow_id: FlowId,
    buffer: FileBuffer,
    data: Option<Vec<u8>>,
) -> Result<Vec<Effect>> {
    let path = buffer.pathspec.clone().unwrap_or_default();
    let lost = |what: String| {
        tracing::debug!(%client_id, %flow_id, what, "part of a file is missing");
        Effect::Loss {
            flow_id: flow_id.clone(),
            what,
        }
    };
    if path.path.len() + path.components.iter().map(|part| part.len() + 1).sum::<usize>() > MAX_PATH {
        return Ok(vec![lost(format!(
            "a file with a path of more than {MAX_PATH} bytes"
        ))]);
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
    let vfs_path = if path.path.is_empty() {
        format!("/{}", components.join("/"))
    } else {
        path.path
    };
    let key = upload_key(client_id, &flow_id, &accessor, &components);
    let objects = &shared.core.storage.objects;
    let mut effects = Vec::new();
    let Some(data) = data else {
        return Ok(vec![lost(format!(
            "a damaged piece at byte {} of file `{vfs_path}`",
            buffer.offset
        ))]);
    };
    let end = buffer.offset.saturating_add(data.len() as u64);
    if !data.is_empty() || buffer.offset == 0 {
        match objects.append(&key, buffer.offset, data.into()).await? {
            Appended::Stored(_) | Appended::Duplicate => {}
            // A repeated piece of a file that is already complete.
            Appended::Gap(_) if objects.info(&key).await?.is_some_and(|whole| whole.size >= end) => {}
            Appended::Gap(have) => {
                effects.push(lost(format!(
                    "bytes {have}–{} of file `{vfs_path}`",
                    end.saturating_sub(1)
                )));
            }
        }
    }
    if !buffer.eof {
        if buffer.offset == 0 {
            effects.push(Effect::UploadBegun {
                flow_id: flow_id.clone(),
                object: key.to_string(),
                vfs_path,
            });
        }
        return Ok(effects);
    }
    let uploaded_size = match objects.seal(&key).await {
        Ok(size) => size,
        Err(StoreError::NotFound { .. }) => {
            effects.push(lost(format!("all of file `{vfs_path}`")));
            return Ok(effects);
        }
        Err(error) => return Err(error.into()),
    };
    if uploaded_size < buffer.offset {
        effects.push(lost(format!(
            "bytes {uploaded_size}–{} of file `{vfs_path}`",
            buffer.offset - 1
        )));
    }
    let index = buffer
        .index
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .unwrap_or_default()
        .unwrap_or_default();
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
    let told = events::upload_completed(client_id, &upload)?;
    effects.extend([Effect::Upload { flow_id, upload }, told]);
    Ok(effects)
}

fn split(path: &str) -> Vec<String> {
    path.split(['/', '\\'])
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Takes the bytes of a piece out of its message and inflates them; `None` when they are damaged.
pub(super) fn take_inflated(buffer: &mut FileBuffer) -> Option<Vec<u8>> {
    let data = std::mem::take(&mut buffer.data);
    if buffer.uncompressed_length == 0 || data.is_empty() {
        return Some(data);
    }
    let limit = usize::try_from(buffer.uncompressed_length)
        .ok()
        .filter(|length| *length <= MAX_PIECE)?;
    pack::decompress(&data, limit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_inflates_to_what_it_says_and_no_more() {
        let inflated = |content: &[u8], says: usize| {
            let mut buffer = FileBuffer {
                data: pack::compress(content),
                uncompressed_length: says as u64,
                ..FileBuffer::default()
            };
            take_inflated(&mut buffer).map(|data| data.len())
        };
        assert_eq!(inflated(&[7; 1000], 1000), Some(1000));
        assert_eq!(inflated(&[7; 1000], 999), None, "more than it says");
        let most = vec![7; MAX_PIECE];
        assert_eq!(inflated(&most, MAX_PIECE), Some(MAX_PIECE));
        assert_eq!(inflated(&[7; 1000], MAX_PIECE + 1), None, "says too much");
        assert_eq!(inflated(&[7; 1000], usize::MAX), None);
    }
}
