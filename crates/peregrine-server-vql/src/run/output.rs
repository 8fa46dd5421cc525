//! Where a query's rows and messages go.

use peregrine_api::queries::QueryEnded;
use peregrine_engine::log::Level;
use peregrine_engine::{Cancellation, Stop};

/// Receives what a query yields, from the query's threads. Rows may wait until there is room for them; messages must not,
/// because threads of other queries may send some.
pub trait Output: Send + Sync {
    /// A row, as a JSON object. `Err`: nobody reads any more, or the query was cancelled while it waited for room.
    fn row(&self, json: &[u8], cancellation: &Cancellation) -> Result<(), Stop>;
    /// A statement that yields rows has ended; `statement` is how many have.
    fn next(&self, statement: u64);
    /// A message.
    fn log(&self, level: Level, text: &str);
    /// The end; nothing comes after it.
    fn ended(&self, ended: QueryEnded);
}
