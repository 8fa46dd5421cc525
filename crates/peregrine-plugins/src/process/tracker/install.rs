//! `process_tracker()`: installs the process tracker.

use super::feed::Feed;
use super::in_force::{self, Handle, StateFolder};
use super::payload::ProcessData;
use super::query_feed::{SyncFeed, run_updates};
use crate::machine::{failed, machine};
use peregrine_base::variables::expand;
use peregrine_engine::prelude::*;
use peregrine_tracker::{Config, Origin, Span, Tracker};
use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Installs the process tracker of this program, for as long as the query that calls it runs.
///
/// The tracker remembers processes after they have exited, and distinguishes processes that used the same
/// pid. It is fed by queries (`sync_query`, `update_query`) or, with `source`, directly from the kernel,
/// which is faster and loses nothing. Returns FALSE if it could not be installed; the reason is logged.
///
/// With `cache`, or in an agent, its data survives a restart of the agent on the same boot.
#[derive(VqlArgs)]
pub struct Args {
    /// Yields all running processes: rows with `id`, `parent_id`, `start_time`, `end_time`, `data`.
    sync_query: Option<Query>,
    /// Milliseconds between two full lists.
    #[arg(default = 5000)]
    sync_period: i64,
    /// Yields changes as they happen: the same columns, `update_type` (`start`, `exec` or `exit`), and the
    /// `time` of an execution if that is not its `start_time`. A `start` of a process that is already running
    /// counts as an execution.
    update_query: Option<Query>,
    /// Maximum number of processes remembered, living and exited.
    #[arg(default = 10000)]
    max_size: i64,
    /// Seconds for which an exited process without children is remembered.
    #[arg(default = 86400)]
    max_expiry: i64,
    /// Lambdas that take a record and return a dict, which is added to its `Data` when it is shown.
    enrichments: Option<Vec<Str>>,
    /// File to keep the state in; the scope variable `PROCESS_TRACKER_CACHE` if left out.
    cache: Option<String>,
    /// Feed it directly from the kernel: `auto`, or the source to try first: `bpf`, `cn_proc`, `poll`.
    /// Peregrine's own.
    source: Option<String>,
}

pub struct ProcessTracker;

impl Function for ProcessTracker {
    type Args = Args;
    const NAME: &'static str = "process_tracker";
    const CATEGORY: Category = Category::Process;
    const PERMISSIONS: &'static [Permission] = &[Permission::MachineState];
    const ON_ERROR: OnError = OnError::False;
    const EXAMPLES: &'static [Example] = &[
        not_run(
            "fed from the kernel",
            "process_tracker(source='auto', sync_period=60000)",
        ),
        not_run(
            "fed by queries",
            "process_tracker(sync_query={ SELECT Pid AS id, Ppid AS parent_id, CreateTime AS start_time, dict(Name=Name) AS data FROM pslist() })",
        ),
        fails(
            "nothing to feed it",
            "process_tracker()",
            "needs `source`, `sync_query` or `update_query`",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        scope.check_access(Permission::MachineState)?;
        if args.source.is_none() && args.sync_query.is_none() && args.update_query.is_none() {
            return Err("the tracker needs `source`, `sync_query` or `update_query` to be fed".into());
        }
        let enrichments: Result<Vec<Lambda>, String> = args
            .enrichments
            .iter()
            .flatten()
            .map(|text| Lambda::parse(scope, text))
            .collect();
        let config = Config {
            max_size: usize::try_from(args.max_size).unwrap_or(0).max(100),
            max_expiry: Span::from_seconds(args.max_expiry.max(1)),
            ..Config::default()
        };
        let tracker = Arc::new(open(scope, config, args.cache.as_deref())?);
        let period = Duration::from_millis(u64::try_from(args.sync_period).unwrap_or(0).max(100));
        // Ends with the query, or with this tracker.
        let cancellation = scope.cancellation().child();
        let own = scope.child_cancelled_by(cancellation.clone());
        let mut threads = Vec::new();

        if let Some(source) = &args.source {
            let feed = Feed::start(&own, &tracker, source, period)?;
            threads.push(spawn("tracker-feed", move || feed.run())?);
        }
        if let Some(query) = args.sync_query {
            let feed = SyncFeed {
                scope: own.clone(),
                tracker: Arc::clone(&tracker),
                query,
                period,
            };
            feed.sync()?;
            threads.push(spawn("tracker-sync", move || feed.run())?);
        }
        if let Some(query) = args.update_query {
            let (own, tracker) = (own.clone(), Arc::clone(&tracker));
            threads.push(spawn("tracker-update", move || {
                run_updates(&own, &tracker, &query)
            })?);
        }
        threads.push({
            let (own, tracker) = (own.clone(), Arc::clone(&tracker));
            spawn("tracker-tend", move || tend(&own, &tracker))?
        });
        in_force::install(
            scope,
            Handle {
                tracker: Arc::clone(&tracker),
                enrichments: Arc::new(enrichments?),
                is_snapshot: false,
                missing: Arc::default(),
            },
        );
        let object = Value::object(TrackerObject(Arc::clone(&tracker)));
        scope.at_close(Box::new(move |scope| {
            cancellation.cancel();
            for thread in threads {
                // A thread that panicked returns nothing.
                let _ = thread.join();
            }
            if let Err(error) = tracker.flush() {
                scope.log_line(&format!(
                    "WARN:process_tracker: the last state could not be written: {error}"
                ));
            }
            if in_force::uninstall(scope, &tracker) {
                scope.log_line("Uninstalling process tracker.");
            }
        }));
        Ok(object)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> VqlResult<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| VqlError::Message(format!("no thread could be started: {error}")))
}

/// Writes the journal and expires records, every second.
fn tend(scope: &Scope, tracker: &Tracker<ProcessData>) {
    let mut is_failing = false;
    while !scope.cancellation().wait(Duration::from_secs(1)) {
        tracker.tick(in_force::now(scope));
        match tracker.flush() {
            Ok(_) => is_failing = false,
            Err(error) if !is_failing => {
                is_failing = true;
                scope.log_line(&format!(
                    "WARN:process_tracker: the state can not be written: {error}"
                ));
            }
            Err(_) => {}
        }
    }
}

/// The file to keep the state in, if any.
#[expect(
    clippy::disallowed_methods,
    reason = "paths in a configuration name variables of this program"
)]
fn journal(scope: &Scope, cache: Option<&str>) -> Option<PathBuf> {
    let named = cache
        .map(str::to_owned)
        .or_else(|| scope.get_text("PROCESS_TRACKER_CACHE"));
    match named.filter(|name| !name.is_empty()) {
        Some(name) => Some(PathBuf::from(expand(&name, |name| std::env::var(name).ok()))),
        None => Some(
            scope
                .extension::<StateFolder>()?
                .0
                .join("process_tracker.journal"),
        ),
    }
}

fn open(scope: &Scope, config: Config, cache: Option<&str>) -> VqlResult<Tracker<ProcessData>> {
    let Some(path) = journal(scope, cache) else {
        return Ok(Tracker::new(config));
    };
    let boot_id = machine(scope)?.host().map_err(failed)?.boot_id;
    match Tracker::restore(config.clone(), &path, &boot_id) {
        Ok((tracker, report)) => {
            if matches!(report.origin, Origin::ThisBoot) {
                scope.log_line(&format!(
                    "INFO:process_tracker: {} processes restored from the last run",
                    tracker.len()
                ));
            }
            if report.is_damaged {
                scope.log_line(&format!(
                    "WARN:process_tracker: `{}` is damaged after {} entries; what it told after them is not known",
                    path.display(),
                    report.entries
                ));
            }
            Ok(tracker)
        }
        Err(error) => {
            scope.log_line(&format!(
                "WARN:process_tracker: `{}` can not be used ({error}); the tracker lives in memory only",
                Path::new(&path).display()
            ));
            Ok(Tracker::new(config))
        }
    }
}

/// The result of `process_tracker()`: the tracker with its counters.
struct TrackerObject(Arc<Tracker<ProcessData>>);

impl std::fmt::Debug for TrackerObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessTracker")
            .field("length", &self.0.len())
            .finish_non_exhaustive()
    }
}

impl Object for TrackerObject {
    fn type_name(&self) -> &'static str {
        "ProcessTracker"
    }

    fn member(&self, _scope: &Scope, name: &str) -> Option<Value> {
        let stats = self.0.stats();
        Some(Value::from(match name {
            "Length" => stats.length,
            "Alive" => stats.alive,
            "Capacity" => stats.capacity,
            "Evictions" => stats.evictions,
            _ => return None,
        }))
    }

    fn member_names(&self) -> Vec<Str> {
        ["Length", "Alive", "Capacity", "Evictions"]
            .into_iter()
            .map(Str::from)
            .collect()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
