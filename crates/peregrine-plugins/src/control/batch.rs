//! `batch()`: rows in groups.

use std::time::{Duration, Instant};

use peregrine_engine::prelude::*;

use super::stream::{Next, Stream};

/// Collects rows into groups; each row has one group in its column `rows`.
#[derive(VqlArgs)]
pub struct Args {
    /// Rows in a group; 10 when neither this nor `batch_func` is given.
    batch_size: Option<i64>,
    /// Called with the rows so far; true ends the group. Used when no size is given.
    batch_func: Option<Str>,
    /// The query.
    query: Query,
    /// Seconds after which a group ends even if it is not full.
    #[arg(default = 3600u64)]
    timeout: u64,
}

#[derive(IntoRow)]
pub struct Group {
    /// Its rows.
    #[column(name = "rows")]
    rows: Value,
}

pub struct Batch;

/// Maximum number of rows in a group, regardless of the arguments.
const MAX_ROWS: usize = 1_000_000;

impl Plugin for Batch {
    type Args = Args;
    type Row = Group;
    const NAME: &'static str = "batch";
    const CATEGORY: Category = Category::Control;
    const VERSION: i64 = 2;
    const EXAMPLES: &'static [Example] = &[
        example(
            "by size",
            "batch(query={SELECT * FROM range(end=3)}, batch_size=2)",
            r#"[{"rows":[{"_value":0},{"_value":1}]},{"rows":[{"_value":2}]}]"#,
        ),
        example(
            "by a lambda",
            "batch(query={SELECT * FROM range(end=2)}, batch_func='x=>len(list=x) >= 1')",
            r#"[{"rows":[{"_value":0}]},{"rows":[{"_value":1}]}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, Group>) -> VqlResult<()> {
        let is_full = match (args.batch_size, args.batch_func.filter(|text| !text.is_empty())) {
            (None | Some(0), Some(text)) => Err(Lambda::parse(scope, &text)?),
            (size, _) => Ok(usize::try_from(size.filter(|size| *size > 0).unwrap_or(10)).unwrap_or(MAX_ROWS)),
        };
        let timeout = Duration::from_secs(args.timeout.clamp(1, 366 * 86_400));
        let stream = Stream::start(scope, vec![args.query], 64)?;
        let mut group: Vec<Value> = Vec::new();
        let mut due = Instant::now() + timeout;
        loop {
            let next = stream.next(scope, Some(due))?;
            let ended = matches!(next, Next::Ended);
            let full = match next {
                Next::Row(row) => {
                    group.push(row.into_value());
                    group.len() >= MAX_ROWS
                        || match &is_full {
                            Ok(size) => group.len() >= *size,
                            Err(lambda) => lambda.call(scope, &[Value::array(group.clone())]).truth(scope),
                        }
                }
                Next::Due | Next::Ended => true,
            };
            if full {
                if !group.is_empty() {
                    rows.push(Group {
                        rows: Value::array(std::mem::take(&mut group)),
                    })?;
                }
                due = Instant::now() + timeout;
            }
            if ended {
                return Ok(());
            }
        }
    }
}
