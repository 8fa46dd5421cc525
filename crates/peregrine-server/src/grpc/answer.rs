//! A query's answer as messages of gRPC: rows in batches, which are sent when they are full or old enough.

use crate::query_pipe::{MOST_WAITING, Next, QueryWriter, Unread};
use peregrine_api::queries::{QueryEnd, QueryEnded};
use peregrine_engine::log::Level;
use peregrine_engine::{Cancellation, Stop, Str};
use peregrine_proto::{VqlCollectorArgs, VqlRequest, VqlResponse};
use peregrine_server_vql::run::{Output, OutputRow, StatementPlace};
use peregrine_services::clock;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tonic::{Code, Status};

/// Rows of a batch, and seconds that a row waits for others, where the request does not say.
const ROWS: u64 = 1000;
const WAIT: u64 = 10;
/// Most seconds that a row waits.
const LONGEST_WAIT: u64 = 3600;
/// A batch of so many bytes is sent. Clients usually accept messages of 4 MiB.
const LARGEST_BATCH: usize = MOST_WAITING;
/// About how many bytes a message has besides its rows.
const OVERHEAD: usize = 256;

/// Messages that wait to be read.
pub(super) struct QueryAnswer {
    requests: Vec<VqlRequest>,
    max_rows: u64,
    max_wait: Duration,
    /// The statement that runs, and how many batches it has had.
    place: StatementPlace,
    part: u64,
    batch: Option<Batch>,
    ready: VecDeque<Result<VqlResponse, Status>>,
    /// Bytes of all of it.
    bytes: usize,
}

/// Rows with the same columns.
struct Batch {
    begun: Instant,
    columns: Vec<Str>,
    rows: u64,
    /// An array without its end.
    json: Vec<u8>,
}

impl QueryAnswer {
    pub(super) fn new(request: &VqlCollectorArgs) -> QueryAnswer {
        let or = |given: u64, otherwise: u64| if given > 0 { given } else { otherwise };
        QueryAnswer {
            requests: request.query.clone(),
            max_rows: or(request.max_row, ROWS),
            max_wait: Duration::from_secs(or(request.max_wait, WAIT).min(LONGEST_WAIT)),
            place: StatementPlace::default(),
            part: 0,
            batch: None,
            ready: VecDeque::new(),
            bytes: 0,
        }
    }

    fn begin(&mut self, place: StatementPlace) {
        self.close_batch();
        (self.place, self.part) = (place, 0);
    }

    fn add_row(&mut self, row: &OutputRow<'_>) {
        let names = row.columns.names();
        if self.batch.as_ref().is_some_and(|batch| batch.columns != names) {
            self.close_batch();
        }
        let batch = self.batch.get_or_insert_with(|| Batch {
            begun: Instant::now(),
            columns: names.to_vec(),
            rows: 0,
            json: Vec::new(),
        });
        batch.json.push(if batch.rows == 0 { b'[' } else { b',' });
        batch.json.extend_from_slice(row.json);
        batch.rows += 1;
        self.bytes += row.json.len() + 1;
        if batch.rows >= self.max_rows || batch.json.len() >= LARGEST_BATCH {
            self.close_batch();
        }
    }

    fn close_batch(&mut self) {
        let Some(mut batch) = self.batch.take() else {
            return;
        };
        self.bytes -= batch.json.len();
        batch.json.push(b']');
        let statement = u64::try_from(self.place.statement).unwrap_or(u64::MAX);
        self.send(VqlResponse {
            response: text(batch.json),
            columns: batch
                .columns
                .iter()
                .map(|name| name.as_utf8_lossy().into_owned())
                .collect(),
            query: self.requests.get(self.place.text).cloned(),
            query_id: statement,
            part: self.part,
            ..VqlResponse::default()
        });
        self.part += 1;
    }

    fn send(&mut self, mut message: VqlResponse) {
        message.timestamp = clock::now().unsigned_abs();
        self.bytes += cost(&message);
        self.ready.push_back(Ok(message));
    }

    fn end(&mut self, ended: QueryEnded) {
        self.close_batch();
        let message = ended.message.unwrap_or_default();
        let code = match ended.reason {
            QueryEnd::Complete => return,
            // Clients of existing deployments expect a message and an orderly end.
            QueryEnd::TimedOut => return self.add_message(Level::Error, &message),
            QueryEnd::Cancelled => Code::Cancelled,
            QueryEnd::TooManyRows | QueryEnd::OutOfMemory => Code::ResourceExhausted,
            QueryEnd::Failed => Code::Unknown,
        };
        self.ready.push_back(Err(Status::new(code, message)));
    }
}

/// JSON is UTF-8.
fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// About the bytes of a message.
fn cost(message: &VqlResponse) -> usize {
    OVERHEAD + message.response.len() + message.log.len()
}

impl Unread for QueryAnswer {
    type Piece = Result<VqlResponse, Status>;

    fn bytes(&self) -> usize {
        self.bytes
    }

    /// A message may overtake rows that wait for others.
    fn add_message(&mut self, level: Level, text: &str) {
        // Otherwise it could be taken for one with a level, or for no message.
        let is_plain = !text.is_empty() && Level::split(text).1 == text;
        let log = match level {
            Level::Default if is_plain => text.to_owned(),
            level => format!("{}:{text}", level.name()),
        };
        self.send(VqlResponse {
            log,
            ..VqlResponse::default()
        });
    }

    fn take(&mut self, is_complete: bool) -> Next<Result<VqlResponse, Status>> {
        if self.ready.is_empty()
            && let Some(batch) = &self.batch
        {
            let due = batch.begun + self.max_wait;
            if !is_complete && Instant::now() < due {
                return Next::NotBefore(due);
            }
            self.close_batch();
        }
        match self.ready.pop_front() {
            Some(message) => {
                self.bytes -= message.as_ref().map_or(0, cost);
                Next::Piece(message)
            }
            None => Next::Nothing,
        }
    }

    fn clear(&mut self) {
        self.batch = None;
        self.ready = VecDeque::new();
        self.bytes = 0;
    }
}

impl Output for QueryWriter<QueryAnswer> {
    fn begin(&self, place: StatementPlace) {
        self.add(|answer| answer.begin(place));
    }

    fn row(&self, row: &OutputRow<'_>, cancellation: &Cancellation) -> Result<(), Stop> {
        self.add_when_there_is_room(cancellation, |answer| answer.add_row(row))
    }

    fn next(&self, _: u64) {
        self.add(QueryAnswer::close_batch);
    }

    fn log(&self, level: Level, text: &str) {
        self.add_message(level, text);
    }

    fn ended(&self, ended: QueryEnded) {
        self.end(|answer| answer.end(ended));
    }
}
