//! How often each value of a column appears.

use super::cells::cell;
use super::{Filters, RowSource, scan};
use crate::{Error, Result};
use peregrine_api::table::{Facet, Facets};
use peregrine_store::chunk::NOTICE;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Distinct values counted. More would make the answer useless and take much memory.
const MAX_DISTINCT: usize = 1_000_000;
/// Values in the answer, the most frequent first.
const MAX_VALUES: usize = 1000;

#[derive(Default)]
struct Counts {
    values: HashMap<String, u64>,
    total: u64,
    is_too_many: bool,
}

/// Counts the values of a column in the matching rows.
pub async fn facets(source: &dyn RowSource, column: &str, filters: Filters) -> Result<Facets> {
    let column = column.to_owned();
    let counts = scan(source, Counts::default(), move |counts, line| {
        if !filters.pass(line) {
            return ControlFlow::Continue(());
        }
        // Rows that cannot be read are counted under the notice that says so.
        let (column, count) = match line.missing {
            0 => (column.as_str(), 1),
            missing => (NOTICE, missing),
        };
        counts.total += count;
        // JSON text as the key: `1` and `"1"` are different values.
        let value = cell(line.text, column).to_string();
        if counts.values.len() >= MAX_DISTINCT && !counts.values.contains_key(&value) {
            counts.is_too_many = true;
            return ControlFlow::Break(());
        }
        *counts.values.entry(value).or_default() += count;
        ControlFlow::Continue(())
    })
    .await?;
    if counts.is_too_many {
        return Err(Error::TooLarge(format!(
            "more than {MAX_DISTINCT} different values; filter the rows first"
        )));
    }
    let distinct = counts.values.len() as u64;
    let mut values: Vec<(String, u64)> = counts.values.into_iter().collect();
    values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    values.truncate(MAX_VALUES);
    let facet = |(text, count): (String, u64)| Facet {
        value: serde_json::from_str(&text).unwrap_or_default(),
        count,
    };
    Ok(Facets {
        values: values.into_iter().map(facet).collect(),
        distinct,
        total: counts.total,
    })
}
