//! Views: the row numbers, in order, that a filtered or sorted table shows. Computed once, then paged through.

use super::cells::{SortKey, cell};
use super::{Filters, RowSource, TableQuery, scan};
use crate::{Error, Result};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Rows that can be sorted: bounds the memory of one request to some hundred megabytes.
const MAX_SORTED: usize = 1_000_000;
/// Row numbers of a filtered table: 200 MB.
const MAX_FILTERED: usize = 50_000_000;
/// Row numbers cached for paging, over all tables: 32 MB.
const MAX_CACHED: usize = 8_000_000;

/// Row numbers, counted from the first row of the source.
pub(super) type View = Arc<Vec<u32>>;

/// Recently used views.
#[derive(Debug, Default)]
pub(crate) struct ViewCache {
    views: Mutex<VecDeque<(String, View)>>,
}

impl ViewCache {
    fn get(&self, key: &str) -> Option<View> {
        let mut views = self.views.lock();
        let at = views.iter().position(|(other, _)| other == key)?;
        let found = views.remove(at)?;
        let view = found.1.clone();
        views.push_front(found);
        Some(view)
    }

    fn put(&self, key: String, view: View) {
        let mut views = self.views.lock();
        views.push_front((key, view));
        while views.iter().map(|(_, view)| view.len()).sum::<usize>() > MAX_CACHED || views.len() > 64 {
            views.pop_back();
        }
    }
}

/// The rows to show; `None` means all of them in order.
pub(super) async fn view(
    cache: &ViewCache,
    source: &dyn RowSource,
    query: &TableQuery,
) -> Result<Option<View>> {
    if query.filters.is_empty() && query.sort.is_none() {
        return Ok(None);
    }
    let (first, end) = source.range();
    let key = format!(
        "{} {first} {end} {:?} {}",
        source.key(),
        query.sort,
        query.filters.text()
    );
    if let Some(view) = cache.get(&key) {
        return Ok(Some(view));
    }
    let rows = match &query.sort {
        None => filtered(source, query.filters.clone(), first).await?,
        Some((column, descending)) => {
            sorted(source, query.filters.clone(), first, column, *descending).await?
        }
    };
    let view = Arc::new(rows);
    cache.put(key, view.clone());
    Ok(Some(view))
}

fn offset(row: u64, first: u64) -> Option<u32> {
    u32::try_from(row.saturating_sub(first)).ok()
}

async fn filtered(source: &dyn RowSource, filters: Filters, first: u64) -> Result<Vec<u32>> {
    let found = scan(source, Vec::new(), move |found, line| {
        if filters.pass(line) {
            match offset(line.number, first) {
                Some(row) if found.len() <= MAX_FILTERED => found.push(row),
                _ => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    })
    .await?;
    if found.len() > MAX_FILTERED {
        return Err(Error::TooLarge(format!(
            "more than {MAX_FILTERED} rows match; narrow the filter"
        )));
    }
    Ok(found)
}

async fn sorted(
    source: &dyn RowSource,
    filters: Filters,
    first: u64,
    column: &str,
    descending: bool,
) -> Result<Vec<u32>> {
    let column = column.to_owned();
    let mut keys: Vec<(SortKey, u32)> = scan(source, Vec::new(), move |keys, line| {
        if filters.pass(line) {
            match offset(line.number, first) {
                Some(row) if keys.len() <= MAX_SORTED => {
                    keys.push((SortKey::of(&cell(line.text, &column)), row))
                }
                _ => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    })
    .await?;
    if keys.len() > MAX_SORTED {
        return Err(Error::TooLarge(format!(
            "more than {MAX_SORTED} rows to sort; filter them first, or export them"
        )));
    }
    let sort = move || {
        keys.sort_by(|a, b| a.0.compare(&b.0, descending));
        keys.into_iter().map(|(_, row)| row).collect()
    };
    tokio::task::spawn_blocking(sort)
        .await
        .map_err(|error| Error::Internal(error.to_string()))
}
