//! `flatten()`: one row per combination of list items.

use crate::prelude::*;

/// Yields a row for every combination of the items of the cells that are lists; the leftmost varies fastest. Empty
/// lists stay as they are, dicts are single items.
#[derive(VqlArgs)]
pub struct Args {
    /// The query whose rows to flatten.
    query: Query,
}

pub struct Flatten;

impl Plugin for Flatten {
    type Args = Args;
    type Row = DynRow;
    const NAME: &'static str = "flatten";
    const CATEGORY: Category = Category::Collections;
    const EXAMPLES: &'static [Example] = &[
        example(
            "two lists",
            "flatten(query={ SELECT 1 AS a, (2, 3) AS b, ('x', 'y') AS c FROM scope() })",
            r#"[{"a":1,"b":2,"c":"x"},{"a":1,"b":3,"c":"x"},{"a":1,"b":2,"c":"y"},{"a":1,"b":3,"c":"y"}]"#,
        ),
        example(
            "an empty list",
            "flatten(query={ SELECT array() AS a FROM scope() })",
            r#"[{"a":[]}]"#,
        ),
    ];

    fn run(scope: &Scope, args: Args, rows: &mut Rows<'_, DynRow>) -> VqlResult<()> {
        let sink = rows.sink();
        Ok(args
            .query
            .run(scope, &mut FnSink(|row| flatten(scope, &row, sink)))?)
    }
}

fn flatten(scope: &Scope, row: &Row, sink: &mut dyn RowSink) -> Result<(), Stop> {
    let cells: Vec<Vec<Value>> = row
        .values()
        .into_iter()
        .map(|value| items(scope, value))
        .collect();
    let columns = row.columns();
    // Counts like a clock whose fastest wheel is the first cell.
    let mut wheel = vec![0; cells.len()];
    loop {
        scope.checkpoint()?;
        let values = cells
            .iter()
            .zip(&wheel)
            .map(|(items, at)| items.get(*at).cloned().unwrap_or_default());
        sink.push(Row::new(&columns, values.collect()))?;
        let Some(turned) = (0..cells.len()).find(|cell| wheel[*cell] + 1 < cells[*cell].len()) else {
            return Ok(());
        };
        wheel[turned] += 1;
        wheel[..turned].fill(0);
    }
}

/// The items a cell contributes; never empty.
fn items(scope: &Scope, value: Value) -> Vec<Value> {
    match value.clone().into_list(scope) {
        Ok(items) if !items.is_empty() => items,
        _ => vec![value],
    }
}
