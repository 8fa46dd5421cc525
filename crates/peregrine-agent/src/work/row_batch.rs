//! The rows of a request on their way into `VQLResponse` packets.

use crate::state::message_size;
use crate::work::long_row;
use crate::work::runner::Columns;
use flate2::{Compression, write::ZlibEncoder};
use parking_lot::Mutex;
use peregrine_proto::{VeloMessage, VqlCollectorArgs, VqlRequest, VqlResponse};
use std::io::Write;
use std::time::{Duration, Instant};

/// When to send a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchLimits {
    pub(crate) rows: u64,
    pub(crate) bytes: usize,
    pub(crate) wait: Duration,
    /// Bytes of rows, including line ends, that fit into a message besides the rest of it.
    pub(crate) largest: usize,
}

/// Bytes reserved for the other parts of a message: the query, its columns.
const HEAD: usize = 640 << 10;
/// Bytes sent of a query's text, and of its column names, along with its rows.
const HEAD_PART: usize = 256 << 10;

impl BatchLimits {
    /// The limits for a request, with defaults for what it leaves open. No message is larger than `largest`.
    pub(crate) fn of(request: &VqlCollectorArgs, default_wait: Duration, largest: usize) -> BatchLimits {
        let or = |value: u64, default: u64| if value == 0 { default } else { value };
        BatchLimits {
            rows: or(request.max_row, 10_000),
            bytes: usize::try_from(or(request.max_row_buffer_size, 5 << 20)).unwrap_or(usize::MAX),
            wait: if request.max_wait == 0 {
                default_wait
            } else {
                Duration::from_secs(request.max_wait)
            },
            largest: largest.saturating_sub(HEAD),
        }
    }
}

/// The query as it is sent along with its rows.
fn head(query: &VqlRequest) -> VqlRequest {
    let mut head = query.clone();
    message_size::shorten(&mut head.vql, HEAD_PART);
    head
}

/// As many column names as a message has room for.
fn first_names(names: Vec<String>) -> Vec<String> {
    let mut size = 0;
    let fits = |name: &String| {
        size += name.len() + 8;
        size <= HEAD_PART
    };
    names.into_iter().take_while(fits).collect()
}

/// Where packets go, and how they are encoded.
pub(crate) trait Destination {
    fn session_id(&self) -> &str;
    /// True when rows are compressed.
    fn compresses(&self) -> bool;
    /// Queues a packet; may wait.
    fn send(&self, packet: VeloMessage);
}

/// The rows of all statements of a request. One thread adds rows, another sends those that have waited too
/// long.
pub(crate) struct RowBatches {
    limits: BatchLimits,
    batches: Mutex<Batches>,
    /// Held while packets are taken and sent, so that packets cannot overtake each other.
    sending: Mutex<()>,
}

struct Batches {
    list: Vec<RowBatch>,
    last_row: Instant,
    is_closed: bool,
}

impl RowBatches {
    pub(crate) fn new(request: &VqlCollectorArgs, limits: BatchLimits) -> RowBatches {
        let list = request
            .query
            .iter()
            .zip(0..)
            .map(|(query, id)| RowBatch::new(head(query), id))
            .collect();
        let batches = Mutex::new(Batches {
            list,
            last_row: Instant::now(),
            is_closed: false,
        });
        RowBatches {
            limits,
            batches,
            sending: Mutex::default(),
        }
    }

    /// True when rows of this statement are sent to the server.
    pub(crate) fn wants(&self, statement: usize) -> bool {
        self.batches
            .lock()
            .list
            .get(statement)
            .is_some_and(|batch| !batch.request.name.is_empty())
    }

    /// Adds a row, and sends what is due. A row too large for a message is cut; then the note for the log is
    /// returned.
    pub(crate) fn push(
        &self,
        statement: usize,
        json: &[u8],
        columns: &Columns<'_>,
        to: &dyn Destination,
    ) -> Option<String> {
        let cut = (json.len() >= self.limits.largest).then(|| long_row::cut(json, self.limits.largest - 1));
        let json = cut.as_ref().map_or(json, |cut| &cut.json);
        if !self.has_room(statement, json.len()) {
            self.flush(true, to);
        }
        if self.add(statement, json, columns) {
            self.flush(false, to);
        }
        cut.map(|cut| cut.note)
    }

    /// Whether a row of this size still fits into a message with the waiting rows.
    fn has_room(&self, statement: usize, size: usize) -> bool {
        let batches = self.batches.lock();
        let batch = batches.list.get(statement);
        batch.is_none_or(|batch| batch.rows == 0 || batch.jsonl.len() + size < self.limits.largest)
    }

    /// Drops rows from now on: nobody waits for them any more.
    pub(crate) fn close(&self) {
        self.batches.lock().is_closed = true;
    }

    /// True while a thread is sending, or waiting for room.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending.is_locked()
    }

    /// Adds a row; true when its batch is full.
    fn add(&self, statement: usize, json: &[u8], columns: &Columns<'_>) -> bool {
        let mut batches = self.batches.lock();
        batches.last_row = Instant::now();
        if batches.is_closed {
            return false;
        }
        let Some(batch) = batches.list.get_mut(statement) else {
            return false;
        };
        batch.add(json, columns);
        batch.is_full(&self.limits)
    }

    /// Sends what is due, or everything. Waits while the buffer is full.
    pub(crate) fn flush(&self, all: bool, to: &dyn Destination) {
        let _in_order = self.sending.lock();
        self.send_due(all, to);
    }

    /// Sends what is due, unless another thread is sending.
    pub(crate) fn tend(&self, to: &dyn Destination) {
        if let Some(_in_order) = self.sending.try_lock() {
            self.send_due(false, to);
        }
    }

    fn send_due(&self, all: bool, to: &dyn Destination) {
        loop {
            // Not locked while sending, so that the query can continue.
            let packet = self.batches.lock().take_due(all, &self.limits, to);
            let Some(packet) = packet else { return };
            to.send(packet);
        }
    }

    /// True once after each period without rows.
    pub(crate) fn is_silent(&self, period: Duration) -> bool {
        let mut batches = self.batches.lock();
        let is_silent = batches.last_row.elapsed() >= period;
        if is_silent {
            batches.last_row = Instant::now();
        }
        is_silent
    }

    /// The names that have rows, and the number of rows so far.
    pub(crate) fn summary(&self) -> (Vec<String>, u64) {
        let batches = self.batches.lock();
        let mut names: Vec<String> = Vec::new();
        for batch in batches
            .list
            .iter()
            .filter(|batch| batch.sent.rows + batch.rows > 0)
        {
            if !names.contains(&batch.request.name) {
                names.push(batch.request.name.clone());
            }
        }
        (
            names,
            batches
                .list
                .iter()
                .map(|batch| batch.sent.rows + batch.rows)
                .sum(),
        )
    }
}

impl Batches {
    fn take_due(&mut self, all: bool, limits: &BatchLimits, to: &dyn Destination) -> Option<VeloMessage> {
        let index = self
            .list
            .iter()
            .position(|batch| batch.rows > 0 && (all || batch.is_due(limits)))?;
        let name = &self.list.get(index)?.request.name;
        // Statements may share a name, and then share the numbering of rows.
        let before = self.list.iter().filter(|batch| batch.request.name == *name).fold(
            Sent::default(),
            |sum, batch| Sent {
                rows: sum.rows + batch.sent.rows,
                bytes: sum.bytes + batch.sent.bytes,
            },
        );
        self.list
            .get_mut(index)?
            .take(to.session_id(), to.compresses(), before)
    }
}

/// What has been sent before.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    rows: u64,
    bytes: u64,
}

/// The waiting rows of one statement.
struct RowBatch {
    request: VqlRequest,
    query_id: u64,
    columns: Vec<String>,
    jsonl: Vec<u8>,
    rows: u64,
    first_waiting: Option<Instant>,
    part: u64,
    sent: Sent,
}

impl RowBatch {
    fn new(request: VqlRequest, query_id: u64) -> RowBatch {
        RowBatch {
            request,
            query_id,
            columns: Vec::new(),
            jsonl: Vec::new(),
            rows: 0,
            first_waiting: None,
            part: 0,
            sent: Sent::default(),
        }
    }

    /// Adds a row, already encoded and without a line end.
    fn add(&mut self, json: &[u8], columns: &Columns<'_>) {
        if self.part == 0 && self.rows == 0 {
            self.columns = first_names(columns());
        }
        self.jsonl.extend_from_slice(json);
        self.jsonl.push(b'\n');
        self.rows += 1;
        self.first_waiting.get_or_insert_with(Instant::now);
    }

    fn is_full(&self, limits: &BatchLimits) -> bool {
        self.rows >= limits.rows || self.jsonl.len() >= limits.bytes
    }

    fn is_due(&self, limits: &BatchLimits) -> bool {
        self.is_full(limits)
            || self
                .first_waiting
                .is_some_and(|since| since.elapsed() >= limits.wait)
    }

    /// The packet with all waiting rows; `None` when there are none.
    fn take(&mut self, session_id: &str, compress: bool, before: Sent) -> Option<VeloMessage> {
        if self.rows == 0 {
            return None;
        }
        let jsonl = std::mem::take(&mut self.jsonl);
        let size = jsonl.len() as u64;
        let mut response = VqlResponse {
            query: Some(self.request.clone()),
            query_id: self.query_id,
            part: self.part,
            columns: self.columns.clone(),
            total_rows: self.rows,
            query_start_row: before.rows,
            timestamp: crate::clock::now_micros(),
            ..VqlResponse::default()
        };
        match compress.then(|| zlib(&jsonl)).flatten() {
            Some(compressed) => {
                response.compressed_json_response = compressed;
                response.uncompressed_size = size;
                response.byte_offset = before.bytes;
            }
            // We encode rows ourselves, in UTF-8; the lossy conversion is only a fallback.
            None => {
                response.jsonl_response = String::from_utf8(jsonl)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            }
        }
        self.part += 1;
        self.sent.rows += self.rows;
        self.sent.bytes += size;
        self.rows = 0;
        self.first_waiting = None;
        Some(VeloMessage {
            session_id: session_id.to_owned(),
            request_id: peregrine_wire::ids::request::QUERY,
            vql_response: Some(response),
            ..VeloMessage::default()
        })
    }
}

/// Compresses, fast rather than small.
pub(crate) fn zlib(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sink {
        compresses: bool,
        packets: Mutex<Vec<VqlResponse>>,
    }

    impl Destination for Sink {
        fn session_id(&self) -> &str {
            "F.1"
        }
        fn compresses(&self) -> bool {
            self.compresses
        }
        fn send(&self, packet: VeloMessage) {
            self.packets.lock().extend(packet.vql_response);
        }
    }

    fn packets(batches: &RowBatches, all: bool, compress: bool) -> Vec<VqlResponse> {
        let sink = Sink {
            compresses: compress,
            packets: Mutex::default(),
        };
        batches.flush(all, &sink);
        sink.packets.into_inner()
    }

    #[test]
    fn batches_continue_where_the_last_one_ended() {
        let query = |name: &str| VqlRequest {
            name: name.into(),
            vql: "SELECT 1".into(),
        };
        let request = VqlCollectorArgs {
            query: vec![query(""), query("A"), query("A")],
            ..VqlCollectorArgs::default()
        };
        let batches = RowBatches::new(
            &request,
            BatchLimits {
                rows: 2,
                bytes: 1000,
                wait: Duration::from_secs(100),
                largest: 100_000,
            },
        );
        assert!(!batches.wants(0) && batches.wants(1) && !batches.wants(9));
        assert!(!batches.add(1, br#"{"a":1}"#, &|| vec!["a".to_owned()]));
        assert!(packets(&batches, false, false).is_empty());
        assert!(batches.add(1, br#"{"a":2}"#, &|| unreachable!(
            "columns come from the first row"
        )));
        let [first] = &packets(&batches, false, false)[..] else {
            panic!("one packet")
        };
        assert_eq!(first.jsonl_response, "{\"a\":1}\n{\"a\":2}\n");
        assert_eq!(
            (
                first.query_id,
                first.part,
                first.query_start_row,
                first.total_rows
            ),
            (1, 0, 0, 2)
        );
        assert!(packets(&batches, true, false).is_empty());

        batches.add(1, br#"{"a":3}"#, &Vec::new);
        let [second] = &packets(&batches, true, true)[..] else {
            panic!("one packet")
        };
        assert_eq!(
            (
                second.part,
                second.query_start_row,
                second.byte_offset,
                second.uncompressed_size
            ),
            (1, 2, 16, 8)
        );
        assert_eq!(second.columns, ["a"]);

        batches.add(2, br#"{"a":4}"#, &Vec::new);
        let [other] = &packets(&batches, true, false)[..] else {
            panic!("one packet")
        };
        assert_eq!((other.query_id, other.part, other.query_start_row), (2, 0, 3));
        assert_eq!(batches.summary(), (vec!["A".to_owned()], 4));
    }

    #[test]
    fn no_packet_is_larger_than_a_message_may_be() {
        let request = VqlCollectorArgs {
            query: vec![VqlRequest {
                name: "A".into(),
                vql: "x".repeat(1 << 20),
            }],
            max_row_buffer_size: 1 << 40,
            ..VqlCollectorArgs::default()
        };
        let largest = 1 << 20;
        let batches = RowBatches::new(
            &request,
            BatchLimits::of(&request, Duration::from_secs(100), largest),
        );
        let sink = Sink {
            compresses: false,
            packets: Mutex::default(),
        };
        let row = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length)).into_bytes();
        let columns = || (0..100_000).map(|n| format!("column{n}")).collect();
        for length in [10, 200_000, 200_000, 10, 5_000_000, 10] {
            let note = batches.push(0, &row(length), &columns, &sink);
            assert_eq!(note.is_some(), length == 5_000_000, "{note:?}");
        }
        batches.flush(true, &sink);
        let packets = sink.packets.into_inner();
        let mut rows = 0;
        for packet in &packets {
            assert_eq!(packet.query_start_row, rows);
            rows += packet.total_rows;
            let size = peregrine_proto::Message::encoded_len(packet);
            assert!(size < largest, "{size}");
            assert!(
                packet
                    .jsonl_response
                    .lines()
                    .all(|row| serde_json::from_str::<serde_json::Value>(row).is_ok())
            );
        }
        assert_eq!(rows, 6);
        assert!(
            packets
                .iter()
                .any(|packet| packet.jsonl_response.contains("\"Column\":\"a\""))
        );
    }
}
