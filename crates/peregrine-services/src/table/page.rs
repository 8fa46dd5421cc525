//! A page of a table.

use super::view::view;
use super::{Cursor, Row, RowSource, TableQuery, cells, columns};
use crate::{Core, Result};
use peregrine_api::table::TablePage;
use peregrine_artifacts::ColumnType;
use std::collections::BTreeMap;

/// Reads a page. `complete` is passed on to the answer: whether no more rows will come.
pub async fn page(
    core: &Core,
    source: &dyn RowSource,
    query: &TableQuery,
    declared: &[ColumnType],
    complete: bool,
) -> Result<TablePage> {
    let (first, end) = source.range();
    let (total, numbers): (u64, Vec<u64>) = match view(&core.views, source, query).await? {
        None => {
            let start = first.saturating_add(query.offset).min(end);
            (
                end - first,
                (start..start.saturating_add(query.limit).min(end)).collect(),
            )
        }
        Some(view) => {
            let skip = usize::try_from(query.offset).unwrap_or(usize::MAX);
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let rows = view
                .iter()
                .skip(skip)
                .take(limit)
                .map(|row| first + u64::from(*row))
                .collect();
            (view.len() as u64, rows)
        }
    };
    // The first row determines the first columns, so that they are the same on every page.
    let mut wanted = numbers.clone();
    wanted.extend((first < end).then_some(first));
    let found = fetch(source, wanted).await?;
    let rows: Vec<&Row> = numbers.iter().filter_map(|number| found.get(number)).collect();
    let columns = columns::of(
        found.get(&first).into_iter().chain(rows.iter().copied()),
        declared,
    );
    let cells = |row: &Row| {
        columns
            .iter()
            .map(|column| row.get(&column.name).cloned().unwrap_or_default())
            .collect()
    };
    let rows = rows.into_iter().map(cells).collect();
    Ok(TablePage {
        columns,
        total,
        offset: query.offset,
        rows,
        complete,
    })
}

/// Reads rows by number; each block is read once. A range of unreadable rows yields at most one row, its first.
async fn fetch(source: &dyn RowSource, mut numbers: Vec<u64>) -> Result<BTreeMap<u64, Row>> {
    numbers.sort_unstable();
    numbers.dedup();
    let mut found = BTreeMap::new();
    let mut wanted = numbers.into_iter().peekable();
    let mut cursor = Cursor::new(source, 1);
    while let Some(next) = wanted.peek() {
        cursor.skip_to(*next);
        let Some(batch) = cursor.read().await? else { break };
        for line in batch.lines() {
            while wanted.next_if(|row| *row < line.number).is_some() {}
            if wanted.next_if_eq(&line.number).is_some() {
                found.insert(line.number, cells::row(line.text));
            }
        }
        // The rest of the batch is unreadable; a row above says so.
        while wanted.next_if(|row| *row < batch.end_row()).is_some() {}
    }
    Ok(found)
}
