//! How often each value of a column appears.

use super::cells::cell;
use super::{Filters, RowSource, scan};
use crate::{Error, Result};
use peregrine_api::table::{Facet, Facets};
use peregrine_store::chunk::NOTICE;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// Values counted; more make the answer useless and the memory large.
const MAX_DISTINCT: usize = 1_000_000;
/// Values told.
const MAX_TOLD: usize = 1000;

#[derive(Default)]
struct Counts {
    values: HashMap<String, u64>,
    total: u64,
    is_too_many: bool,
}

/// Groups and counts a column of the matching rows.
pub async fn facets(source: &dyn RowSource, column: &str, filters: Filters) -> Result<Facets> {
    let column = column.to_owned();
    let counts = scan(source, Counts::default(), move |counts, line| {
        if !filters.pass(line) {
            return ControlFlow::Continue(());
        }
        // Rows that cannot be read count as a value that says so.
        let (column, count) = match line.missing {
            0 => (column.as_str(), 1),
            missing => (NOTICE, missing),
        };
        counts.total += count;
        // Values are told apart by their JSON text.
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
    values.truncate(MAX_TOLD);
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
