//! SQL as SQLite and PostgreSQL both understand it. Statements are written once, with parameters `?1`, `?2`; two drivers
//! run them. Differences between the dialects are confined to [`migrations`].

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

/// JSON of a value that can always be serialized.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string(value)?)
}

/// A text folded for comparing and sorting without regard to case, the same for both databases.
pub(crate) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Escapes a text for a `LIKE` pattern, so that it matches only itself.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// `?FROM, ?FROM+1, …`: `count` placeholders.
pub(crate) fn places(from: usize, count: usize) -> String {
    let places: Vec<String> = (from..from + count).map(|number| format!("?{number}")).collect();
    places.join(", ")
}

/// Splits values for statements with many parameters and pads each piece to one of a few sizes, so that few different
/// statements need to be prepared.
pub(crate) fn pieces<T>(values: &[T]) -> impl Iterator<Item = Vec<&T>> {
    const LARGEST: usize = 500;
    const SIZES: [usize; 4] = [1, 10, 100, LARGEST];
    values.chunks(LARGEST).map(|some| {
        let size = SIZES
            .into_iter()
            .find(|size| *size >= some.len())
            .unwrap_or(LARGEST);
        // Padded with the last value: duplicates in `IN` do not change the result.
        some.iter()
            .chain(some.last().into_iter().cycle())
            .take(size)
            .collect()
    })
}
