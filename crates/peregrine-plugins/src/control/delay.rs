//! `delay()`: passes rows on later.

use std::collections::VecDeque;
use std::time::Instant;

use peregrine_engine::prelude::*;

use super::stream::{Next, Stream, seconds};

/// Passes each row on a number of seconds after it came.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Query,
    /// The delay in seconds.
    delay: i64,
    /// Maximum number of waiting rows; beyond it, the query waits too.
    #[arg(default = 1000)]
    buffer_size: i64,
}

pub struct Delay;

impl Plugin for Delay {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "delay";
    const CATEGORY: Category = Category::Control;
    const EXAMPLES: &'static [Example] = &[example(
        "in order",
        "delay(query={SELECT * FROM range(end=2)}, delay=0)",
        r#"[{"_value":0},{"_value":1}]"#,
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let capacity = usize::try_from(args.buffer_size).unwrap_or(0).clamp(1, 1_000_000);
        let delay = seconds(args.delay);
        let stream = Stream::start(scope, vec![args.query], 1)?;
        let mut waiting: VecDeque<(Instant, Row)> = VecDeque::new();
        let mut ended = false;
        while !ended || !waiting.is_empty() {
            let due = waiting.front().map(|(due, _)| *due);
            if let Some(due) = due
                && due <= Instant::now()
            {
                if let Some((_, row)) = waiting.pop_front() {
                    rows.push(row)?;
                }
                continue;
            }
            if ended || waiting.len() >= capacity {
                // No rows are taken from the query until the first one is due.
                let left = due.map_or_else(Default::default, |due| {
                    due.saturating_duration_since(Instant::now())
                });
                if scope.cancellation().wait(left) {
                    return Err(VqlError::Stopped);
                }
                continue;
            }
            match stream.next(scope, due)? {
                Next::Row(row) => waiting.push_back((Instant::now() + delay, row)),
                Next::Due => {}
                Next::Ended => ended = true,
            }
        }
        Ok(())
    }
}
