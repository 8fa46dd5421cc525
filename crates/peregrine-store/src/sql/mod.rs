//! SQL as SQLite and PostgreSQL both speak it. Statements are written once, with `?1`, `?2` for their parameters; two drivers
//! run them. What the two databases say differently stands in [`migrations`], and nowhere else so far.

mod engine;
mod migrations;
mod org;
mod postgres;
mod readers;
mod sqlite;
mod store;
mod subject;
mod tx;
mod value;
mod work;

pub(crate) use engine::Engine;
pub(crate) use org::ClientKey;
pub use org::OrgDatabase;
pub use postgres::PostgresSettings;
pub use store::{SqlAddress, SqlStore};
pub(crate) use subject::Subject;
pub(crate) use tx::{Next, Row, Tx};
pub(crate) use value::{FromValue, Value, values};

use crate::Result;

/// JSON of a value that always has one.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// A text as it is compared and sorted without regard to case, the same in both databases.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A text within a `LIKE` pattern, where it means itself.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// `?FROM, ?FROM+1, …`, one for each of so many values.
pub(crate) fn places(from: usize, count: usize) -> String {
    let places: Vec<String> = (from..from + count).map(|number| format!("?{number}")).collect();
    places.join(", ")
}

/// Values for statements with many of them, filled up to one of a few sizes: each size is a statement that stays prepared.
pub(crate) fn pieces<T>(values: &[T]) -> impl Iterator<Item = Vec<&T>> {
    const MOST: usize = 500;
    const SIZES: [usize; 4] = [1, 10, 100, MOST];
    values.chunks(MOST).map(|some| {
        let size = SIZES.into_iter().find(|size| *size >= some.len()).unwrap_or(MOST);
        // The last one again and again: what is found twice is one row in `IN`.
        some.iter()
            .chain(some.last().into_iter().cycle())
            .take(size)
            .collect()
    })
}
