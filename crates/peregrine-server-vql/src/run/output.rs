//! Where a query's rows and messages go.

use peregrine_api::queries::QueryEnded;
use peregrine_engine::Stop;
use peregrine_engine::log::Level;

/// Receives what a query yields, from the query's threads, which it may block to slow the query down.
pub trait Output: Send + Sync {
    /// A row, as a JSON object. `Err`: nobody reads any more.
    fn row(&self, json: &[u8]) -> Result<(), Stop>;
    /// A statement that yields rows has ended; `statement` is how many have.
    fn next(&self, statement: u64);
    /// A message.
    fn log(&self, level: Level, text: &str);
    /// The end; nothing comes after it.
    fn ended(&self, ended: QueryEnded);
}
