//! The rows of one named statement on their way into `VQLResponse` packets.

use flate2::{Compression, write::ZlibEncoder};
use peregrine_proto::{VeloMessage, VqlRequest, VqlResponse};
use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// When a batch goes out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) rows: u64,
    pub(crate) bytes: usize,
    pub(crate) wait: std::time::Duration,
}

/// Rows that wait, and what was sent before them.
pub(crate) struct RowBatch {
    request: VqlRequest,
    query_id: u64,
    columns: Vec<String>,
    jsonl: Vec<u8>,
    rows: u64,
    first_waiting: Option<Instant>,
    part: u64,
    rows_sent: u64,
    bytes_sent: u64,
}

impl RowBatch {
    pub(crate) fn new(request: VqlRequest, query_id: u64) -> RowBatch {
        RowBatch {
            request,
            query_id,
            columns: Vec::new(),
            jsonl: Vec::new(),
            rows: 0,
            first_waiting: None,
            part: 0,
            rows_sent: 0,
            bytes_sent: 0,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.request.name
    }

    /// Adds a row, already encoded and without line end.
    pub(crate) fn add(&mut self, json: &[u8], columns: impl FnOnce() -> Vec<String>) {
        if self.columns.is_empty() && self.part == 0 && self.rows == 0 {
            self.columns = columns();
        }
        self.jsonl.extend_from_slice(json);
        self.jsonl.push(b'\n');
        self.rows += 1;
        self.first_waiting.get_or_insert_with(Instant::now);
    }

    /// True when the batch should go out now.
    pub(crate) fn is_due(&self, limits: &BatchLimits) -> bool {
        let is_full = self.rows >= limits.rows || self.jsonl.len() >= limits.bytes;
        is_full || self.first_waiting.is_some_and(|since| since.elapsed() >= limits.wait)
    }

    /// The packet with all waiting rows; `None` when there are none.
    pub(crate) fn take(&mut self, session_id: &str, compress: bool) -> Option<VeloMessage> {
        if self.rows == 0 {
            return None;
        }
        let jsonl = std::mem::take(&mut self.jsonl);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
        let size = jsonl.len() as u64;
        let mut response = VqlResponse {
            query: Some(self.request.clone()),
            query_id: self.query_id,
            part: self.part,
            columns: self.columns.clone(),
            total_rows: self.rows,
            query_start_row: self.rows_sent,
            timestamp: u64::try_from(now).unwrap_or(u64::MAX),
            ..VqlResponse::default()
        };
        match compress.then(|| zlib(&jsonl)).flatten() {
            Some(compressed) => {
                response.compressed_json_response = compressed;
                response.uncompressed_size = size;
                response.byte_offset = self.bytes_sent;
            }
            // Rows are encoded by us and are UTF-8; the lossy form only guards against the impossible.
            None => {
                response.jsonl_response =
                    String::from_utf8(jsonl).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            }
        }
        self.part += 1;
        self.rows_sent += self.rows;
        self.bytes_sent += size;
        self.rows = 0;
        self.first_waiting = None;
        Some(VeloMessage { session_id: session_id.to_owned(), vql_response: Some(response), ..VeloMessage::default() })
    }
}

fn zlib(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn batches_continue_where_the_last_one_ended() {
        let mut batch = RowBatch::new(VqlRequest { name: "A".into(), vql: "SELECT 1".into() }, 2);
        let limits = BatchLimits { rows: 2, bytes: 1000, wait: Duration::from_secs(100) };
        batch.add(br#"{"a":1}"#, || vec!["a".to_owned()]);
        assert!(!batch.is_due(&limits));
        batch.add(br#"{"a":2}"#, || unreachable!("columns come from the first row"));
        assert!(batch.is_due(&limits));
        let first = batch.take("F.1", false).and_then(|m| m.vql_response).unwrap();
        assert_eq!(first.jsonl_response, "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!((first.part, first.query_start_row, first.total_rows), (0, 0, 2));
        assert!(batch.take("F.1", false).is_none());
        batch.add(br#"{"a":3}"#, Vec::new);
        let second = batch.take("F.1", true).and_then(|m| m.vql_response).unwrap();
        assert_eq!((second.part, second.query_start_row, second.byte_offset, second.uncompressed_size), (1, 2, 16, 8));
        assert_eq!(second.columns, ["a"]);
    }
}
