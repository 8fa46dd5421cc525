//! Running tasks in parallel, or a query for many rows in parallel, with one sink for the rows of all
//! threads.

use std::sync::mpsc::{Receiver, sync_channel};

use parking_lot::Mutex;

use crate::prelude::*;

/// A sink that several threads may push to. When it stops, all of them are cancelled.
struct SharedSink<'a> {
    consumer: Mutex<Consumer<'a>>,
    scope: Scope,
}

struct Consumer<'a> {
    rows: &'a mut dyn RowSink,
    has_stopped: bool,
}

impl<'a> SharedSink<'a> {
    fn new(scope: &Scope, rows: &'a mut dyn RowSink) -> SharedSink<'a> {
        let scope = scope.child_cancelled_by(scope.cancellation().child());
        SharedSink {
            consumer: Mutex::new(Consumer {
                rows,
                has_stopped: false,
            }),
            scope,
        }
    }

    /// The scope in which threads work: cancelled when the sink stops.
    fn scope(&self) -> &Scope {
        &self.scope
    }

    /// One thread's end.
    fn handle(&self) -> Handle<'_, 'a> {
        Handle(self)
    }

    /// True once no more rows are wanted.
    fn is_stopped(&self) -> bool {
        self.scope.cancellation().is_cancelled()
    }

    /// After all threads have ended: an error if the consumer asked to stop.
    fn finish(&self) -> VqlResult<()> {
        if self.consumer.lock().has_stopped {
            Err(VqlError::Stopped)
        } else {
            Ok(self.scope.checkpoint()?)
        }
    }
}

/// One thread's end of a [`SharedSink`].
struct Handle<'s, 'a>(&'s SharedSink<'a>);

impl RowSink for Handle<'_, '_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        let mut consumer = self.0.consumer.lock();
        if consumer.has_stopped {
            return Err(Stop);
        }
        consumer.rows.push(row).inspect_err(|Stop| {
            consumer.has_stopped = true;
            self.0.scope.cancellation().cancel();
        })
    }
}

/// Runs all tasks at the same time, each on its own thread, because each may watch forever. Rows come as they
/// are produced; once no more are wanted, no task pushes another.
pub fn at_once<T>(scope: &Scope, tasks: impl IntoIterator<Item = T>, rows: &mut dyn RowSink) -> VqlResult<()>
where
    T: FnOnce(&Scope, &mut dyn RowSink) + Send,
{
    let shared = SharedSink::new(scope, rows);
    let mut failure = None;
    std::thread::scope(|threads| {
        for task in tasks {
            let shared = &shared;
            let worker = std::thread::Builder::new().name("vql-worker".into());
            let started = worker.spawn_scoped(threads, move || {
                shared.scope().enter_thread();
                task(&shared.scope().child(), &mut shared.handle());
            });
            if let Err(error) = started {
                // The rows of only some tasks would look like a complete answer.
                shared.scope().cancellation().cancel();
                failure = Some(error);
                break;
            }
        }
    });
    if let Some(error) = failure {
        return Err(format!("cannot start a thread for each query: {error}").into());
    }
    shared.finish()
}

/// Maximum number of threads of one call.
const MAX_WORKERS: usize = 256;
/// Bytes a query must be allowed to hold for each thread: allocators keep some pages for every thread,
/// regardless of what the thread holds (measured: 256 threads that each make a text of 100 KB at a time take
/// 1.1 GB).
const ROOM_FOR_WORKER: i64 = 8 << 20;

/// Runs `query` for each row that `source` pushes, with the row's columns as variables, for up to `workers`
/// rows at the same time. Rows of the query come as they are produced.
///
/// The source runs on this thread and hands rows to workers; a row is taken only when a worker is free.
pub fn for_each_row(
    scope: &Scope,
    source: impl FnOnce(&Scope, &mut dyn RowSink) -> Result<(), Stop>,
    query: &Query,
    workers: usize,
    rows: &mut dyn RowSink,
) -> VqlResult<()> {
    let mut workers = workers.clamp(1, MAX_WORKERS);
    if let Some(account) = scope.context().memory() {
        let room = usize::try_from(account.limit() / ROOM_FOR_WORKER).unwrap_or(MAX_WORKERS);
        workers = workers.min(room.max(2));
    }
    let mut failure = None;
    let shared = SharedSink::new(scope, rows);
    let (sender, receiver) = sync_channel::<Row>(0);
    let receiver = Mutex::new(receiver);
    std::thread::scope(|threads| {
        let mut started = 0;
        let _ = source(
            shared.scope(),
            &mut FnSink(|row| {
                if shared.is_stopped() {
                    return Err(Stop);
                }
                if started < workers {
                    let (shared, receiver) = (&shared, &receiver);
                    let worker = std::thread::Builder::new().name("vql-worker".into());
                    match worker.spawn_scoped(threads, move || work(shared, receiver, query)) {
                        Ok(_) => started += 1,
                        Err(error) if started == 0 => {
                            failure = Some(error);
                            return Err(Stop);
                        }
                        // On a machine that is out of threads, those already started carry on.
                        Err(_) => workers = started,
                    }
                }
                sender.send(row).map_err(|_| Stop)
            }),
        );
        // Without a sender the workers end once they are idle.
        drop(sender);
    });
    if let Some(error) = failure {
        return Err(format!("cannot start a thread: {error}").into());
    }
    shared.finish()
}

fn work(shared: &SharedSink<'_>, receiver: &Mutex<Receiver<Row>>, query: &Query) {
    // It returns the memory it takes over from the feeder.
    shared.scope().enter_thread();
    loop {
        let next = receiver.lock().recv();
        let Ok(row) = next else { return };
        if shared.is_stopped() {
            // Keep taking rows, or the feeder would wait forever.
            continue;
        }
        let mut handle: Handle<'_, '_> = shared.handle();
        let _ = query.run(&shared.scope().child_with(row), &mut handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::context::Context;
    use crate::log::{LogSink, MemoryLog};
    use crate::memory::{Gauge, Limits, Pool};
    use crate::query::QuerySource;
    use parking_lot::Condvar;
    use std::collections::HashSet;
    use std::sync::Arc;
    use std::thread::ThreadId;
    use std::time::Duration;

    /// Holds every thread that runs it until enough have arrived.
    struct Gathering {
        expected: usize,
        seen: Mutex<HashSet<ThreadId>>,
        changed: Condvar,
    }

    impl QuerySource for Arc<Gathering> {
        fn run(&self, _: &Scope, _: &mut dyn RowSink) -> Result<(), Stop> {
            let mut seen = self.seen.lock();
            seen.insert(std::thread::current().id());
            self.changed.notify_all();
            while seen.len() < self.expected {
                let waited = self.changed.wait_for(&mut seen, Duration::from_secs(60));
                assert!(!waited.timed_out(), "only {} threads came", seen.len());
            }
            Ok(())
        }

        fn text(&self) -> String {
            "gather".to_owned()
        }
    }

    /// The threads that worked for twice as many rows.
    fn threads(asked: usize, expected: usize, mebibytes: Option<u64>) -> usize {
        let log: Arc<dyn LogSink> = Arc::new(MemoryLog::default());
        let mut context = Context::builder()
            .registry(builtin::shared_registry())
            .log(Arc::clone(&log));
        if let Some(mebibytes) = mebibytes {
            let gauge = Gauge {
                thread: || 0,
                process: || 0,
            };
            let limits = Limits {
                query: mebibytes << 20,
                all: None,
                process: None,
                advice: "",
            };
            context = context.memory(Pool::new(gauge, limits).account(&Cancellation::new(), &log));
        }
        let scope = Scope::root(&context.build(), Dict::new());
        let gathering = Arc::new(Gathering {
            expected,
            seen: Mutex::default(),
            changed: Condvar::new(),
        });
        let source = |_: &Scope, rows: &mut dyn RowSink| {
            (0..2 * expected).try_for_each(|number| rows.push(Row::from_pairs([("N", number as i64)])))
        };
        let query = Query::new(Arc::clone(&gathering));
        let mut found: Vec<Row> = Vec::new();
        for_each_row(&scope, source, &query, asked, &mut found).unwrap();
        gathering.seen.lock().len()
    }

    #[test]
    fn workers_are_as_many_as_asked_for_but_bounded() {
        assert_eq!(threads(3, 3, None), 3);
        assert_eq!(threads(usize::MAX, MAX_WORKERS, None), MAX_WORKERS);
        assert_eq!(threads(usize::MAX, 8, Some(64)), 8, "by the memory of the query");
        assert_eq!(threads(usize::MAX, 2, Some(1)), 2);
    }
}
