//! `sequence()`: patterns over the events of several queries.

use std::collections::VecDeque;
use std::time::Instant;

use peregrine_engine::prelude::*;

use super::stream::{Next, Stream, seconds};

/// Collects the rows of several queries in one window, and searches it for a pattern after each row.
///
/// All other arguments are the queries. `query` sees the window as the variable `SEQUENCE`, oldest row first;
/// when it has rows, they are emitted and the window is emptied.
#[derive(VqlArgs)]
pub struct Args {
    /// The query that looks for the pattern.
    query: Query,
    /// Seconds a row stays in the window.
    #[arg(default = 30)]
    max_age: i64,
    /// The queries, under any names.
    #[arg(rest)]
    sources: Vec<(Str, Lazy)>,
}

pub struct Sequence;

/// Maximum number of rows in the window.
const MAX_ROWS: usize = 1000;

impl Plugin for Sequence {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "sequence";
    const CATEGORY: Category = Category::Events;
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[
        example(
            "two rows make one",
            "sequence(query={SELECT len(list=SEQUENCE) AS Rows FROM range(end=1) WHERE len(list=SEQUENCE) = 2}, \
             a={SELECT * FROM range(end=4)})",
            r#"[{"Rows":2},{"Rows":2}]"#,
        ),
        fails(
            "no queries",
            "sequence(query={SELECT * FROM range(end=1)})",
            "name at least one query",
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let sources: Vec<Query> = args
            .sources
            .iter()
            .map(|(_, source)| source.force(scope).into_query(scope))
            .collect();
        if sources.is_empty() {
            return Err("name at least one query to take rows from".into());
        }
        let max_age = seconds(args.max_age);
        let stream = Stream::start(scope, sources, 16)?;
        let mut window: VecDeque<(Instant, Value)> = VecDeque::new();
        while let Next::Row(row) = stream.next(scope, None)? {
            let now = Instant::now();
            while window
                .front()
                .is_some_and(|(at, _)| now.duration_since(*at) > max_age)
                || window.len() >= MAX_ROWS
            {
                window.pop_front();
            }
            window.push_back((now, row.into_value()));
            let seen: Vec<Value> = window.iter().map(|(_, row)| row.clone()).collect();
            let inner = scope.child_with(Dict::from_pairs([("SEQUENCE", Value::array(seen))]));
            let mut found = false;
            args.query.run(
                &inner,
                &mut FnSink(|row: Row| {
                    found = true;
                    rows.push(row)
                }),
            )?;
            if found {
                window.clear();
            }
        }
        Ok(())
    }
}
