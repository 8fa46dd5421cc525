//! Collections on the server itself: artifacts of type SERVER, with results, log and files like those of a client.

use std::cmp::Ordering::{Equal, Greater, Less};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use peregrine_accessors::UploaderHandle;
use peregrine_api::flows::CollectRequest;
use peregrine_artifacts::{CompiledRequest, Kind, Outcome, run_request};
use peregrine_engine::json::Encoder;
use peregrine_engine::log::LogSink;
use peregrine_engine::memory;
use peregrine_engine::prelude::*;
use peregrine_proto::velo_status::ReturnedStatus;
use peregrine_proto::{FlowStats, VeloStatus};
use peregrine_services::events::{Origin, alert_line};
use peregrine_services::users::Principal;
use peregrine_services::{Result, clock, flows};
use peregrine_store::{ClientId, FlowId};
use regex::Regex;
use tokio::sync::mpsc;

use super::Queries;
use super::query::Running;
use super::results::{self, Piece};
use super::uploads::FlowUploader;

/// Rows and messages that wait to be stored.
const WAITING: usize = 1000;
/// Length of a message.
const MAX_MESSAGE: usize = 8 << 10;

impl Queries {
    /// Collects from a client, or on the server.
    pub async fn create_flow(
        self: &Arc<Queries>,
        principal: &Principal,
        client_id: &ClientId,
        request: &CollectRequest,
    ) -> Result<FlowId> {
        if client_id.is_server() {
            self.collect(principal, request).await
        } else {
            flows::create(&self.core, principal, client_id, request).await
        }
    }

    async fn collect(self: &Arc<Queries>, principal: &Principal, request: &CollectRequest) -> Result<FlowId> {
        let prepared = flows::prepare_on_server(&self.core, principal, request).await?;
        let flow_id = prepared.flow_id().clone();
        let entered = self.admit(flow_id.to_string(), principal, &prepared.artifacts(), None)?;
        let query = Arc::clone(&entered.query);
        let database = &self.core.storage.database;
        // Listed before it is stored, or another server could think that nobody runs it.
        database.list_query(query.record.clone()).await?;
        self.runtime
            .spawn(super::listing::unlist(Arc::clone(self), Arc::clone(&query)));
        let compiled = prepared.begin(&self.core, principal).await?;
        let (pieces, receiver) = mpsc::channel(WAITING);
        let core = Arc::clone(&self.core);
        self.runtime
            .spawn(results::keep(core, flow_id.clone(), entered, receiver));
        let pattern = &self.core.settings.collection_error_regex;
        let collection = Collection {
            queries: Arc::clone(self),
            query: Arc::clone(&query),
            principal: principal.clone(),
            flow_id: flow_id.clone(),
            pieces,
            errors: Some(pattern)
                .filter(|pattern| !pattern.is_empty())
                .and_then(|pattern| Regex::new(pattern).ok()),
            most_rows: compiled.max_rows,
            most_logs: flows::max_logs(request),
            logs: AtomicU64::new(0),
        };
        let collection = Arc::new(collection);
        let uploader = Arc::new(FlowUploader::new(&collection, compiled.max_upload_bytes));
        let work = move || collection.run(&compiled.requests, &uploader);
        if let Err(error) = std::thread::Builder::new()
            .name("server collection".to_owned())
            .spawn(work)
        {
            // The keeper of the results sees that nothing comes, and ends the collection.
            query.cancel(&format!("no thread could be started: {error}"));
        }
        Ok(flow_id)
    }
}

/// A running collection.
pub(super) struct Collection {
    pub(super) queries: Arc<Queries>,
    pub(super) query: Arc<Running>,
    principal: Principal,
    pub(super) flow_id: FlowId,
    /// Where everything goes that must be stored.
    pub(super) pieces: mpsc::Sender<Piece>,
    /// Messages that count as errors whatever their level.
    errors: Option<Regex>,
    most_rows: u64,
    most_logs: u64,
    logs: AtomicU64,
}

impl Collection {
    /// Runs the requests one after the other, on the collection's thread.
    fn run(self: Arc<Collection>, requests: &[CompiledRequest], uploader: &Arc<FlowUploader>) {
        let mut statuses: Vec<VeloStatus> = Vec::new();
        for request in requests {
            let mut status = self.request(request, uploader);
            (status.query_id, status.total_queries) = (request.query_id, request.total_queries);
            statuses.push(status);
            let is_last = statuses.len() == requests.len() || self.query.cancelled().is_some();
            let stats = FlowStats {
                query_status: statuses.clone(),
                flow_complete: is_last,
                ..FlowStats::default()
            };
            let progress = Box::new(flows::roll_up(None, stats));
            let told = self.pieces.blocking_send(Piece::Progress(progress));
            if is_last || told.is_err() {
                return;
            }
        }
    }

    fn request(
        self: &Arc<Collection>,
        request: &CompiledRequest,
        uploader: &Arc<FlowUploader>,
    ) -> VeloStatus {
        let began = Instant::now();
        let first_active = now();
        let messages = Arc::new(Messages {
            collection: Arc::clone(self),
            artifact: name(request).to_owned(),
            logs: AtomicU64::new(0),
            trouble: Mutex::default(),
        });
        let mut rows = BTreeMap::new();
        let uploaded = uploader.totals();
        let failed = self.statements(request, uploader, &messages, &mut rows);
        let trouble = failed.or_else(|| messages.trouble.lock().take());
        let uploaded_now = uploader.totals();
        VeloStatus {
            status: if trouble.is_none() {
                ReturnedStatus::Ok.into()
            } else {
                ReturnedStatus::GenericError.into()
            },
            error_message: trouble.unwrap_or_default(),
            first_active,
            last_active: now(),
            duration: i64::try_from(began.elapsed().as_nanos()).unwrap_or(i64::MAX),
            result_rows: rows.values().sum::<u64>().cast_signed(),
            log_rows: messages.logs.load(Ordering::Relaxed).cast_signed(),
            uploaded_files: (uploaded_now.0 - uploaded.0).cast_signed(),
            uploaded_bytes: (uploaded_now.1 - uploaded.1).cast_signed(),
            artifact: name(request).to_owned(),
            names_with_response: rows.into_keys().map(|name: Arc<str>| name.to_string()).collect(),
            ..VeloStatus::default()
        }
    }

    /// Runs the statements; an error says why they did not all run.
    fn statements(
        self: &Arc<Collection>,
        request: &CompiledRequest,
        uploader: &Arc<FlowUploader>,
        messages: &Arc<Messages>,
        rows: &mut BTreeMap<Arc<str>, u64>,
    ) -> Option<String> {
        let name = name(request);
        let timeout = Duration::from_secs(request.timeout);
        let cancellation = if timeout.is_zero() {
            self.query.cancellation().child()
        } else {
            self.query.cancellation().child_with_deadline(timeout)
        };
        let log: Arc<dyn LogSink> = Arc::clone(messages) as _;
        let handle = UploaderHandle::new(Arc::clone(uploader) as _);
        let scope = self.queries.scope(
            &self.principal,
            &BTreeMap::new(),
            &log,
            &cancellation,
            |context| context.extension(Arc::new(handle)),
        );
        let account = self.query.account(&scope);
        scope.log(Level::Info, &format!("Starting query execution for {name}."));
        let mut sources: BTreeMap<String, Arc<str>> = BTreeMap::new();
        let mut take = |_: usize, source: &str, row: Row| {
            let mut json = Vec::new();
            Encoder::new(&scope).row(&row, &mut json);
            // The row is incomplete or wrong.
            if memory::has_ended() || json.is_empty() {
                return Err(Stop);
            }
            if self.query.rows.fetch_add(1, Ordering::Relaxed) >= self.most_rows && self.most_rows > 0 {
                self.query.rows.fetch_sub(1, Ordering::Relaxed);
                self.query.cancel(&format!(
                    "stopped after {} rows; allow more rows to collect all",
                    self.most_rows
                ));
                return Err(Stop);
            }
            let source = sources
                .entry(source.to_owned())
                .or_insert_with(|| source.into())
                .clone();
            *rows.entry(Arc::clone(&source)).or_default() += 1;
            // Rows waiting to be stored no longer belong to the query.
            memory::outside(|| self.pieces.blocking_send(Piece::Row(source, json))).map_err(|_| Stop)
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| run_request(&scope, request, &mut take)));
        // Even after a panic, everything the query opened is closed.
        let closed = catch_unwind(AssertUnwindSafe(|| scope.close()));
        self.query.forget_account();
        if outcome.is_err() || closed.is_err() {
            return Some("internal error; the log of the server has more".to_owned());
        }
        if let Some(reason) = account.and_then(|account| account.reason()) {
            return Some(reason);
        }
        if let Some(reason) = self.query.cancelled() {
            return Some(reason);
        }
        match outcome {
            Ok(Err(error)) => Some(error.to_string()),
            Ok(Ok(Outcome::Skipped)) => {
                scope.log(
                    Level::Info,
                    &format!("{name}: Skipping query due to preconditions"),
                );
                None
            }
            _ if cancellation.is_cancelled() => {
                Some(format!("{name} was stopped after {} seconds", timeout.as_secs()))
            }
            _ => None,
        }
    }

    /// Stores an alert, even when there are too many messages.
    fn alert(&self, artifact: &str, text: &str) {
        let origin = Origin {
            flow_id: Some(&self.flow_id),
            artifact,
            kind: Some(Kind::Server),
            ..Origin::default()
        };
        let alert = alert_line(&origin, text, clock::now());
        // Without a receiver the collection has ended.
        let _ = self.pieces.blocking_send(Piece::Alert(alert));
    }

    /// Stores a message.
    fn log(&self, level: Level, text: &str) {
        let logged = self.logs.fetch_add(1, Ordering::Relaxed);
        let too_many = "there are more messages than the collection may have; the rest is left out";
        let (level, text) = match logged.cmp(&self.most_logs) {
            Less => (level, text),
            Equal => (Level::Warn, too_many),
            Greater => return,
        };
        let text = text
            .get(..text.floor_char_boundary(MAX_MESSAGE))
            .unwrap_or_default();
        let line = serde_json::json!({
            "client_time": now() / 1_000_000,
            "level": level.name(),
            "message": text,
        });
        // Without a receiver the collection has ended.
        let _ = self
            .pieces
            .blocking_send(Piece::Log(line.to_string().into_bytes()));
    }
}

/// Messages of a request.
struct Messages {
    collection: Arc<Collection>,
    artifact: String,
    logs: AtomicU64,
    /// The first message that counts as an error.
    trouble: Mutex<Option<String>>,
}

impl LogSink for Messages {
    fn log(&self, level: Level, text: &str) {
        let is_error = level == Level::Error
            || !matches!(level, Level::Debug | Level::Alert)
                && self
                    .collection
                    .errors
                    .as_ref()
                    .is_some_and(|errors| errors.is_match(text));
        if is_error {
            self.trouble.lock().get_or_insert_with(|| text.to_owned());
        }
        self.logs.fetch_add(1, Ordering::Relaxed);
        if level == Level::Alert {
            self.collection.alert(&self.artifact, text);
        }
        self.collection
            .log(if is_error { Level::Error } else { level }, text);
    }
}

/// What a request is called: the first source with rows.
fn name(request: &CompiledRequest) -> &str {
    request
        .query
        .iter()
        .map(|query| query.name.as_str())
        .find(|name| !name.is_empty())
        .unwrap_or_default()
}

/// Microseconds since 1970.
fn now() -> u64 {
    u64::try_from(clock::now()).unwrap_or(0)
}
