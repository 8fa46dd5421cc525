//! `diff()`: what changed between runs of a query.

use std::collections::HashMap;

use peregrine_engine::prelude::*;

use super::stream::seconds;

/// Runs a query repeatedly and emits rows that are new (`Diff` is `added`) or gone (`removed`). The first run
/// is only the baseline for later ones.
#[derive(VqlArgs)]
pub struct Args {
    /// The query.
    query: Query,
    /// The column that identifies rows; rows without it are ignored.
    key: Str,
    /// Seconds between runs.
    #[arg(default = 60)]
    period: i64,
}

pub struct Diff;

/// Maximum number of rows of a run.
const MAX_ROWS: usize = 1_000_000;

impl Plugin for Diff {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "diff";
    const CATEGORY: Category = Category::Events;
    const IS_EVENT: bool = true;
    const EXAMPLES: &'static [Example] = &[not_run(
        "new and ended processes",
        "SELECT * FROM diff(query={SELECT Pid FROM pslist()}, key='Pid', period=10)",
    )];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let mut before = collect(scope, &args)?;
        loop {
            if scope.cancellation().wait(seconds(args.period.max(1))) {
                return Err(VqlError::Stopped);
            }
            let now = collect(scope, &args)?;
            for (change, from, than) in [("added", &now, &before), ("removed", &before, &now)] {
                for row in from
                    .iter()
                    .filter(|(key, _)| !than.contains_key(*key))
                    .flat_map(|(_, rows)| rows)
                {
                    let changed = row.to_dict();
                    changed.set("Diff", change);
                    rows.push(Row::from(changed))?;
                }
            }
            before = now;
        }
    }
}

/// The rows of one run by key; several rows may have the same key.
fn collect(scope: &Scope, args: &Args) -> Result<HashMap<Str, Vec<Row>>, Stop> {
    let mut found: HashMap<Str, Vec<Row>> = HashMap::new();
    let mut count = 0;
    args.query.run(
        scope,
        &mut FnSink(|row: Row| {
            if let Some(key) = row.get(&args.key)
                && count < MAX_ROWS
            {
                count += 1;
                found
                    .entry(key.reduce(scope).to_text(scope))
                    .or_default()
                    .push(row);
            }
            scope.checkpoint()
        }),
    )?;
    Ok(found)
}
