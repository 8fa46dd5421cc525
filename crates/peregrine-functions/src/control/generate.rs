//! `generate()`: one running query, many readers.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::row_queue::RowQueue;
use crate::prelude::*;

/// Runs a query once and passes its rows to all readers: `LET Events <= generate(query=…)`, then `SELECT *
/// FROM Events` as often as needed, in parallel.
///
/// The query starts with the first reader, or once there are `fan_out` of them. A reader that comes later
/// gets the rows from then on; one that comes after the end gets none. A slow reader delays the others,
/// unless rows may wait in a file. A second call with the same name returns the same query, so that `LET`
/// without materialising works as well. Names are local to a query, and the generator ends with it.
#[derive(VqlArgs)]
pub struct Args {
    /// The name; the text of the query when left out.
    name: Option<Str>,
    /// The query.
    query: Option<Query>,
    /// Milliseconds to wait before the query starts.
    #[arg(default = 0)]
    delay: i64,
    /// Let rows for slow readers wait in a file.
    #[arg(default = false)]
    with_file_buffer: bool,
    /// Wait for this many readers before the query starts.
    #[arg(default = 0)]
    fan_out: i64,
    /// Its purpose; shown in messages.
    description: Option<String>,
}

pub struct Generate;

impl Function for Generate {
    type Args = Args;
    const NAME: &'static str = "generate";
    const CATEGORY: Category = Category::Events;
    const VERSION: i64 = 3;
    const EXAMPLES: &'static [Example] = &[
        example(
            "read once",
            "generate(query={ SELECT * FROM range(end=3) })._value",
            "[0,1,2]",
        ),
        example(
            "as a value",
            "generate(query={ SELECT _value AS V FROM range(end=2) })",
            r#"[{"V":0},{"V":1}]"#,
        ),
        example(
            "names that differ in a byte that is not UTF-8",
            r"(generate(name='\xff', query={ SELECT 1 AS V FROM scope() }).V, generate(name='\xfe', query={ SELECT 2 AS V FROM scope() }).V)",
            "[[1],[2]]",
        ),
        fails("no query", "generate(name='x')", "Field query is required"),
        fails(
            "a negative delay",
            "generate(query={ SELECT * FROM range(end=3) }, delay=-1)",
            "`delay` -1 is negative",
        ),
    ];

    fn call(scope: &Scope, args: Args) -> VqlResult {
        let name = match (args.name.filter(|name| !name.is_empty()), &args.query) {
            (Some(name), _) => name,
            (None, Some(query)) => Str::from(query.text()),
            (None, None) => return Err("Field query is required".into()),
        };
        let generators = scope.cache("generate", Generators::default);
        let mut known = generators.0.lock();
        if let Some(generator) = known.get(&name) {
            return Ok(Value::Query(Query::new(Reader(Arc::clone(generator)))));
        }
        let Some(query) = args.query else {
            return Err("Field query is required".into());
        };
        let delay = u64::try_from(args.delay).map_err(|_| format!("`delay` {} is negative", args.delay))?;
        let generator = Arc::new(Generator {
            name: name.clone(),
            description: args.description.unwrap_or_default(),
            waits_for: usize::try_from(args.fan_out).unwrap_or(0).clamp(1, 1000),
            has_file: args.with_file_buffer,
            readers: Mutex::default(),
            changed: Condvar::new(),
        });
        start(scope, query, Duration::from_millis(delay), &generator)?;
        known.insert(name, Arc::clone(&generator));
        Ok(Value::Query(Query::new(Reader(generator))))
    }
}

/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(100);
/// Maximum number of concurrent readers of a generator.
const MAX_READERS: usize = 10_000;

#[derive(Default)]
struct Generators(Mutex<HashMap<Str, Arc<Generator>>>);

struct Generator {
    name: Str,
    description: String,
    waits_for: usize,
    has_file: bool,
    readers: Mutex<Readers>,
    changed: Condvar,
}

#[derive(Default)]
struct Readers {
    queues: Vec<Arc<RowQueue>>,
    has_ended: bool,
}

fn start(scope: &Scope, query: Query, delay: Duration, generator: &Arc<Generator>) -> VqlResult<()> {
    // It lives as long as the whole query, not only as long as this call.
    let token = scope.context().cancellation().child();
    let inner = scope.child_cancelled_by(token.clone());
    let generator = Arc::clone(generator);
    let worker = thread::Builder::new()
        .name("vql-generate".into())
        .spawn(move || {
            if generator.is_wanted(&inner, delay) {
                // A stop needs no message: the query is cancelled.
                let _ = query.run(&inner, &mut FnSink(|row| generator.hand_out(&inner, row)));
            }
            generator.end();
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    scope.at_close(Box::new(move |_| {
        token.cancel();
        let _ = worker.join();
    }));
    Ok(())
}

impl Generator {
    /// Waits for the delay and the readers; false when the query ends first.
    fn is_wanted(&self, scope: &Scope, delay: Duration) -> bool {
        if scope.cancellation().wait(delay) {
            return false;
        }
        let mut readers = self.readers.lock();
        while readers.queues.len() < self.waits_for {
            if scope.cancellation().is_cancelled() {
                return false;
            }
            self.changed.wait_for(&mut readers, TICK);
        }
        true
    }

    fn hand_out(&self, scope: &Scope, row: Row) -> Result<(), Stop> {
        let queues = self.readers.lock().queues.clone();
        let mut is_left = false;
        for queue in &queues {
            is_left |= !queue.push(scope, &row)?;
        }
        if is_left {
            self.readers.lock().queues.retain(|queue| queue.is_read());
        }
        scope.checkpoint()
    }

    fn end(&self) {
        let mut readers = self.readers.lock();
        readers.has_ended = true;
        for queue in readers.queues.drain(..) {
            queue.end();
        }
    }

    fn register(&self, scope: &Scope) -> Option<Arc<RowQueue>> {
        let mut readers = self.readers.lock();
        if readers.has_ended {
            scope.log(
                Level::Debug,
                &format!("generate: `{}` has ended; this reader gets no rows", self.name),
            );
            return None;
        }
        if readers.queues.len() >= MAX_READERS {
            scope.log_line(&format!(
                "generate: `{}` has {MAX_READERS} readers already",
                self.name
            ));
            return None;
        }
        let queue = Arc::new(RowQueue::new(self.has_file));
        readers.queues.push(Arc::clone(&queue));
        self.changed.notify_all();
        Some(queue)
    }
}

/// The result of `generate()`: each run is another reader.
struct Reader(Arc<Generator>);

impl QuerySource for Reader {
    fn run(&self, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
        let Some(queue) = self.0.register(scope) else {
            return Ok(());
        };
        let result = read(&queue, scope, rows);
        queue.leave();
        result
    }

    fn text(&self) -> String {
        match self.0.description.as_str() {
            "" => format!("generate {}", self.0.name),
            description => format!("generate {}: {description}", self.0.name),
        }
    }

    fn is_shared_stream(&self) -> bool {
        true
    }
}

fn read(queue: &RowQueue, scope: &Scope, rows: &mut dyn RowSink) -> Result<(), Stop> {
    while let Some(row) = queue.pop(scope)? {
        rows.push(row)?;
        scope.checkpoint()?;
    }
    Ok(())
}
