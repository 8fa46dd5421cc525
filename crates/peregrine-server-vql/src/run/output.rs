//! Where a query's rows and messages go.

use peregrine_api::queries::QueryEnded;
use peregrine_engine::log::Level;
use peregrine_engine::prelude::Columns;
use peregrine_engine::{Cancellation, Stop};

/// Receives what a query yields, from the query's threads. Rows may wait until there is room for them; messages must not,
/// because threads of other queries may send some.
pub trait Output: Send + Sync {
    /// A statement begins; rows until the next one are its own.
    fn begin(&self, _place: StatementPlace) {}
    /// `Err`: nobody reads any more, or the query was cancelled while it waited for room.
    fn row(&self, row: &OutputRow<'_>, cancellation: &Cancellation) -> Result<(), Stop>;
    /// A statement that yields rows has ended; `statement` is how many have.
    fn next(&self, statement: u64);
    /// A message.
    fn log(&self, level: Level, text: &str);
    /// The end; nothing comes after it.
    fn ended(&self, ended: QueryEnded);
}

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct OutputRow<'a> {
    /// A JSON object.
    pub json: &'a [u8],
    /// Its columns; rows with the same columns usually share one list.
    pub columns: &'a Columns,
}

/// Where a statement is in a question; both count from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatementPlace {
    /// Which of the texts.
    pub text: usize,
    /// Which statement of that text.
    pub statement: usize,
}
