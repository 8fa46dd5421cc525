//! The files of a collection on their way to the server: `FileBuffer` packets between its rows.

use crate::work::flow_context::FlowContext;
use crate::work::query_progress::QueryProgress;
use crate::work::row_batch::zlib;
use peregrine_accessors::{Upload, UploadFile, Uploader};
use peregrine_engine::prelude::{Scope, Stop, Str, VqlResult};
use peregrine_proto::{FileBuffer, PathSpec, VeloMessage};
use std::sync::Arc;

/// Maximum length of a name in bytes; it is sent twice with every piece. File systems have none longer than
/// 4096.
const LONGEST_NAME: usize = 32 << 10;

/// Sends the files of one query.
pub(crate) struct FlowUploader {
    flow: Arc<FlowContext>,
    progress: Arc<QueryProgress>,
}

impl FlowUploader {
    pub(crate) fn new(flow: &Arc<FlowContext>, progress: &Arc<QueryProgress>) -> FlowUploader {
        FlowUploader {
            flow: Arc::clone(flow),
            progress: Arc::clone(progress),
        }
    }
}

impl Uploader for FlowUploader {
    fn begin(&self, _: &Scope, file: UploadFile) -> VqlResult<Box<dyn Upload>> {
        let length = file.stored_name().len();
        if length > LONGEST_NAME {
            return Err(format!(
                "the name to store it under has {length} bytes; give at most {LONGEST_NAME}"
            )
            .into());
        }
        self.progress.count_upload(file.expected_size);
        let pathspec = PathSpec {
            path: file.stored_name(),
            components: file.components(),
            accessor: file.accessor.clone(),
        };
        Ok(Box::new(FlowUpload {
            flow: Arc::clone(&self.flow),
            progress: Arc::clone(&self.progress),
            head: FileBuffer {
                pathspec: Some(pathspec),
                mtime: file.times.modified,
                atime: file.times.accessed,
                ctime: file.times.changed,
                btime: file.times.born,
                upload_number: self.flow.next_upload(),
                ..FileBuffer::default()
            },
            expected: file.expected_size,
            sent: 0,
        }))
    }
}

/// A file of which `sent` bytes are in the queue.
struct FlowUpload {
    flow: Arc<FlowContext>,
    progress: Arc<QueryProgress>,
    /// The fields that all its packets have in common.
    head: FileBuffer,
    expected: u64,
    sent: u64,
}

impl FlowUpload {
    /// Waits while the agent's buffer is full, so that a query reads no faster than the server accepts data.
    fn send(&self, scope: &Scope, packet: FileBuffer) -> VqlResult<()> {
        let message = VeloMessage {
            session_id: self.flow.session_id.clone(),
            request_id: peregrine_wire::ids::request::UPLOAD,
            file_buffer: Some(packet),
            ..VeloMessage::default()
        };
        match self.flow.send_piece(message, scope.cancellation()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Stop.into()),
            Err(error) => Err(error.to_string().into()),
        }
    }
}

impl Upload for FlowUpload {
    fn id(&self) -> i64 {
        self.head.upload_number
    }

    fn write(&mut self, scope: &Scope, piece: &[u8]) -> VqlResult<()> {
        let length = piece.len() as u64;
        if !self.flow.count_upload(length) {
            return Err(Stop.into());
        }
        let stored = self.sent + length;
        let compressed = self.flow.compress.then(|| zlib(piece)).flatten();
        let packet = FileBuffer {
            offset: self.sent,
            size: self.expected.max(stored),
            stored_size: stored,
            data_length: length,
            uncompressed_length: compressed.as_ref().map_or(0, |_| length),
            data: compressed.unwrap_or_else(|| piece.to_vec()),
            ..self.head.clone()
        };
        self.send(scope, packet)?;
        self.sent = stored;
        self.progress.count_uploaded(length);
        Ok(())
    }

    fn finish(self: Box<Self>, scope: &Scope, is_whole: bool) -> VqlResult<Option<Str>> {
        // The file may have grown or shrunk since its size was read.
        let size = match is_whole {
            true => self.sent,
            false => self.expected.max(self.sent),
        };
        let packet = FileBuffer {
            offset: self.sent,
            size,
            stored_size: self.sent,
            eof: true,
            ..self.head.clone()
        };
        self.send(scope, packet)?;
        self.progress.correct_upload(self.expected, self.sent);
        Ok(None)
    }
}
