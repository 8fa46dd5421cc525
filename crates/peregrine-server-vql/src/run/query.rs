//! One running query: its thread, and its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use peregrine_engine::json::Encoder;
use peregrine_engine::log::LogSink;
use peregrine_engine::memory::{self, Account};
use peregrine_engine::prelude::*;
use peregrine_engine::{Cancellation, Program, Stop};
use peregrine_services::events::Origin;
use peregrine_services::users::{Permission, Principal};
use peregrine_services::{Error, Result, audit, clock, events, servers};
use peregrine_store::QueryRecord;
use tokio_util::sync::CancellationToken;

use super::ending::{Left, Outcome};
use super::{Output, OutputRow, Queries, Question, StatementPlace};

/// Bytes of a query's text that the list and the audit log show.
const SHOWN_TEXT: usize = 10_000;
/// Rows beyond this size do not keep their buffer for the next.
const LARGE_ROW: usize = 1 << 20;

/// A query of this server.
pub(super) struct Running {
    pub(super) record: QueryRecord,
    pub(super) rows: AtomicU64,
    account: Mutex<Option<Arc<Account>>>,
    cancellation: Cancellation,
    /// Why it was cancelled, the first time.
    cancelled: Mutex<Option<String>>,
    /// Cancelled when the query has ended.
    pub(super) over: CancellationToken,
}

impl Running {
    /// Ends the query; `why` is told to who asked it.
    pub(super) fn cancel(&self, why: &str) {
        self.cancelled.lock().get_or_insert_with(|| why.to_owned());
        self.cancellation.cancel();
    }

    /// Why it was cancelled.
    pub(super) fn cancelled(&self) -> Option<String> {
        self.cancelled.lock().clone()
    }

    pub(super) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }

    /// Shows the memory of a scope as that of the query, until the next one's or [`Running::forget_account`].
    pub(super) fn account(&self, scope: &Scope) -> Option<Arc<Account>> {
        let account = scope.context().memory().cloned();
        account.clone_into(&mut self.account.lock());
        account
    }

    /// An account knows where messages go, and whoever reads those waits until nobody can send any.
    pub(super) fn forget_account(&self) {
        *self.account.lock() = None;
    }

    /// Bytes it holds.
    pub(super) fn memory(&self) -> u64 {
        let held = self.account.lock().as_ref().map(|account| account.held());
        u64::try_from(held.unwrap_or(0)).unwrap_or(0)
    }
}

/// Ends its query when it is dropped, because then nobody reads the answer.
pub struct Asked {
    query: Arc<Running>,
}

impl Asked {
    /// Names the query in the list.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.query.record.query_id
    }

    /// Ends the query.
    pub fn cancel(&self, why: &str) {
        self.query.cancel(why);
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.query.cancel("nobody reads the answer");
    }
}

impl Queries {
    /// Starts a query for a user. Everything it yields goes to `output`, its end included; an error means that it did not start.
    pub async fn ask(
        self: &Arc<Queries>,
        principal: &Principal,
        question: Question,
        output: Arc<dyn Output>,
    ) -> Result<Asked> {
        principal.authorize(Permission::AnyQuery)?;
        let compiled = CompiledQuestion::new(self, &question)?;
        let timeout = compiled.timeout;
        let text = shortened(&question.texts.join("\n"));
        let query_id = format!("Q.{}", peregrine_wire::ids::new_suffix()?);
        let entered = self.admit(query_id, principal, &text, timeout)?;
        let query = Arc::clone(&entered.query);
        let detail = serde_json::json!({"query_id": query.record.query_id, "vql": text});
        audit::record(&self.core, &principal.name, &principal.ip, "Query", detail).await?;
        self.runtime
            .spawn(super::listing::list(Arc::clone(self), Arc::clone(&query)));
        let principal = principal.clone();
        let work = move || {
            let queries = Arc::clone(&entered.queries);
            let query = Arc::clone(&entered.query);
            run(&queries, &query, &principal, &question, &compiled, &output);
            drop(entered);
        };
        std::thread::Builder::new()
            .name("server query".to_owned())
            .spawn(work)
            .map_err(|error| Error::Io("no thread for the query".to_owned(), error))?;
        Ok(Asked { query })
    }

    /// Adds a query to those that run, if there is room.
    pub(super) fn admit(
        self: &Arc<Queries>,
        query_id: String,
        principal: &Principal,
        text: &str,
        timeout: Option<Duration>,
    ) -> Result<Entered> {
        let mut running = self.running.lock();
        let own = running
            .values()
            .filter(|query| query.record.principal == principal.name)
            .count();
        if own >= self.limits.per_user {
            return Err(Error::TooMany(format!(
                "{own} of your queries run on this server; wait for one to end, or stop one"
            )));
        }
        if running.len() >= self.limits.all {
            return Err(Error::TooMany(format!(
                "{} queries run on this server; try again later",
                running.len()
            )));
        }
        let query = Arc::new(Running {
            record: QueryRecord {
                query_id: query_id.clone(),
                server_id: servers::this_server(&self.core).to_owned(),
                principal: principal.name.clone(),
                text: text.to_owned(),
                started: clock::now(),
            },
            rows: AtomicU64::new(0),
            account: Mutex::default(),
            cancellation: timeout.map_or_else(Cancellation::new, Cancellation::with_deadline),
            cancelled: Mutex::default(),
            over: CancellationToken::new(),
        });
        running.insert(query_id, Arc::clone(&query));
        Ok(Entered {
            queries: Arc::clone(self),
            query,
        })
    }
}

/// Keeps a query among those that run.
pub(super) struct Entered {
    queries: Arc<Queries>,
    pub(super) query: Arc<Running>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.queries.running.lock().remove(&self.query.record.query_id);
        self.query.forget_account();
        self.query.over.cancel();
    }
}

/// Passes messages on, and stores alerts.
struct Messages {
    queries: Arc<Queries>,
    principal: String,
    output: Arc<dyn Output>,
}

impl LogSink for Messages {
    fn log(&self, level: Level, text: &str) {
        // Only a query itself raises alerts, so this is its thread, which may wait.
        if level == Level::Alert {
            let origin = Origin {
                principal: Some(&self.principal),
                ..Origin::default()
            };
            let stored = events::raise(&self.queries.core, &origin, text);
            if let Err(error) = memory::outside(|| self.queries.runtime.block_on(stored)) {
                self.output
                    .log(Level::Error, &format!("an alert is not stored: {error}"));
            }
        }
        self.output.log(level, text);
    }
}

/// A question that is ready to run.
struct CompiledQuestion {
    /// One for each text, as far as they can be parsed.
    programs: Vec<Program>,
    /// Why the next text can not be parsed.
    bad_text: Option<String>,
    timeout: Option<Duration>,
    max_rows: u64,
}

impl CompiledQuestion {
    fn new(queries: &Queries, question: &Question) -> Result<CompiledQuestion> {
        let (mut programs, mut bad_text) = (Vec::new(), None);
        for text in &question.texts {
            match Queries::compile(text) {
                Ok(program) => programs.push(program),
                Err(why) if question.runs_until_bad_text => {
                    bad_text = Some(why);
                    break;
                }
                Err(why) => return Err(Error::BadRequest(why)),
            }
        }
        let is_watching = question.may_watch_forever && queries.watch_events(&question.texts);
        let limits = (!is_watching).then_some(queries.limits);
        Ok(CompiledQuestion {
            programs,
            bad_text,
            timeout: question.timeout.or(limits.map(|limits| limits.timeout)),
            max_rows: question
                .max_rows
                .or(limits.map(|limits| limits.rows))
                .unwrap_or(u64::MAX),
        })
    }
}

/// Runs all statements, on the query's thread.
fn run(
    queries: &Arc<Queries>,
    query: &Running,
    principal: &Principal,
    question: &Question,
    compiled: &CompiledQuestion,
    output: &Arc<dyn Output>,
) {
    let log: Arc<dyn LogSink> = Arc::new(Messages {
        queries: Arc::clone(queries),
        principal: principal.name.clone(),
        output: Arc::clone(output),
    });
    let throttle = queries.throttle(question.cpu_limit, &query.cancellation, &log);
    let scope = queries.scope(
        principal,
        &question.env,
        &log,
        &query.cancellation,
        |context| match throttle {
            Some(throttle) => context.throttle(throttle),
            None => context,
        },
    );
    let account = query.account(&scope);
    let statements = AssertUnwindSafe(|| statements(&scope, compiled, &query.rows, output.as_ref()));
    let left = catch_unwind(statements).unwrap_or(Left::Panicked);
    // Even after a panic, everything the query opened is closed.
    let closed = catch_unwind(AssertUnwindSafe(|| scope.close()));
    let cancelled = query.cancelled();
    let outcome = Outcome {
        left: if closed.is_err() { Left::Panicked } else { left },
        rows: query.rows.load(Ordering::Relaxed),
        out_of_memory: account.and_then(|account| account.reason()),
        is_late: cancelled.is_none() && query.cancellation.is_cancelled(),
        cancelled,
        timeout: compiled.timeout,
    };
    output.ended(outcome.ended());
}

fn statements(scope: &Scope, compiled: &CompiledQuestion, rows: &AtomicU64, output: &dyn Output) -> Left {
    let mut buffer = Vec::new();
    let mut ended = 0;
    for (text, program) in compiled.programs.iter().enumerate() {
        for (at, statement) in program.statements().iter().enumerate() {
            output.begin(StatementPlace { text, statement: at });
            let mut is_cut = false;
            let mut take = |row: Row| {
                if rows.load(Ordering::Relaxed) >= compiled.max_rows {
                    is_cut = true;
                    return Err(Stop);
                }
                buffer.clear();
                Encoder::new(scope).row(&row, &mut buffer);
                // The row is incomplete or wrong.
                if memory::has_ended() || buffer.is_empty() {
                    return Err(Stop);
                }
                rows.fetch_add(1, Ordering::Relaxed);
                let columns = row.columns();
                let row = OutputRow {
                    json: &buffer,
                    columns: &columns,
                };
                // Rows waiting to be read no longer belong to the query.
                let taken = memory::outside(|| output.row(&row, scope.cancellation()));
                if buffer.capacity() > LARGE_ROW {
                    buffer = Vec::new();
                }
                taken
            };
            let outcome = statement.run(scope, &mut FnSink(&mut take));
            if is_cut {
                return Left::TooManyRows;
            }
            if outcome.is_err() {
                return Left::AtTheEnd;
            }
            if statement.is_select() {
                ended += 1;
                output.next(ended);
            }
        }
    }
    if let Some(why) = &compiled.bad_text {
        output.log(Level::Default, &format!("VQL Error: {why}"));
    }
    Left::AtTheEnd
}

/// A text short enough for lists.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
