//! `fifo()`: the last rows of a query that runs in the background.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use peregrine_engine::prelude::*;

use super::stream::seconds;

/// Starts a query in the background and returns its recent rows. Later calls with the same query only read.
#[derive(VqlArgs)]
pub struct Args {
    /// The query; its text identifies it.
    query: Query,
    /// Seconds for which a row is kept.
    #[arg(default = 5)]
    max_age: i64,
    /// Maximum number of rows kept.
    #[arg(default = 10)]
    max_rows: i64,
    /// Forget the rows after reading them.
    #[arg(default = false)]
    flush: bool,
}

pub struct Fifo;

#[derive(Default)]
struct Queue(Mutex<VecDeque<(Instant, Row)>>);

/// The queues of a query, by the text of the query that fills them.
#[derive(Default)]
struct Queues(Mutex<HashMap<String, Arc<Queue>>>);

impl Plugin for Fifo {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "fifo";
    const CATEGORY: Category = Category::Events;
    const EXAMPLES: &'static [Example] = &[not_run(
        "failed logons lately",
        "SELECT * FROM fifo(query=FailedLogons, max_rows=5, max_age=60)",
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let queues = scope.cache("fifo", Queues::default);
        let text = args.query.text();
        let (queue, is_new) = {
            let mut queues = queues.0.lock();
            let is_new = !queues.contains_key(&text);
            (Arc::clone(queues.entry(text).or_default()), is_new)
        };
        if is_new {
            start(scope, &args, &queue)?;
        }
        let snapshot: Vec<Row> = {
            let mut kept = queue.0.lock();
            let snapshot = kept.iter().map(|(_, row)| row.clone()).collect();
            if args.flush {
                kept.clear();
            }
            snapshot
        };
        for row in snapshot {
            rows.push(row)?;
        }
        Ok(())
    }
}

fn start(scope: &Scope, args: &Args, queue: &Arc<Queue>) -> VqlResult<()> {
    // It lives as long as the whole query, not only as long as this call.
    let token = scope.context().cancellation().child();
    let inner = scope.child_cancelled_by(token.clone());
    let (query, queue) = (args.query.clone(), Arc::clone(queue));
    let max_age: Duration = seconds(args.max_age);
    let max_rows = usize::try_from(args.max_rows).unwrap_or(0).clamp(1, 100_000);
    let worker = thread::Builder::new()
        .name("vql-fifo".into())
        .spawn(move || {
            let _ = query.run(
                &inner,
                &mut FnSink(|row| {
                    let mut kept = queue.0.lock();
                    let now = Instant::now();
                    while kept
                        .front()
                        .is_some_and(|(at, _)| now.duration_since(*at) > max_age)
                        || kept.len() >= max_rows
                    {
                        kept.pop_front();
                    }
                    kept.push_back((now, row));
                    Ok(())
                }),
            );
        })
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    scope.at_close(Box::new(move |_| {
        token.cancel();
        let _ = worker.join();
    }));
    Ok(())
}
