//! The transaction that statements run in, and the rows they return.

use super::{FromValue, Value};
use crate::{Error, Result};

/// A transaction, or a read-only connection.
pub(crate) trait Tx {
    /// Runs a statement that returns no rows; returns how many it changed.
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64>;

    /// Runs an `INSERT` of at most one row into a table with a generated numeric key `id`; returns that key, or `None` if
    /// nothing was inserted.
    fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>>;

    /// Runs a statement and passes its rows to `each` until that returns [`Next::Enough`].
    fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<Next>,
    ) -> Result<()>;
}

/// Whether to go on with the next row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Row,
    Enough,
}

/// A row of a result.
pub(crate) trait Row {
    /// The position of a column by name.
    fn position(&self, column: &str) -> Option<usize>;
    /// The value at a position.
    fn at(&self, position: usize) -> Result<Value<'_>>;
}

impl dyn Row + '_ {
    /// The value of a column by name.
    pub(crate) fn get<T: FromValue>(&self, column: &str) -> Result<T> {
        let position = self
            .position(column)
            .ok_or_else(|| Error::Sql(format!("the answer has no column `{column}`")))?;
        self.take(position)
            .map_err(|error| Error::Sql(format!("column `{column}`: {error}")))
    }

    /// The value of a column by position.
    pub(crate) fn take<T: FromValue>(&self, position: usize) -> Result<T> {
        T::from_value(self.at(position)?)
    }

    /// Parses a column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T> {
        let text: String = self.get(column)?;
        Ok(serde_json::from_str(&text)?)
    }
}

impl dyn Tx + '_ {
    /// All rows of a result.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut map: impl FnMut(&dyn Row) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.query(sql, values, &mut |row| {
            found.push(map(row)?);
            Ok(Next::Row)
        })?;
        Ok(found)
    }

    /// The first row of a result.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        map: impl FnOnce(&dyn Row) -> Result<T>,
    ) -> Result<Option<T>> {
        let (mut found, mut map) = (None, Some(map));
        self.query(sql, values, &mut |row| {
            if let Some(map) = map.take() {
                found = Some(map(row)?);
            }
            Ok(Next::Enough)
        })?;
        Ok(found)
    }

    /// The first column of the first row, for statements that always return one.
    pub(crate) fn one<T: FromValue>(&self, sql: &str, values: &[Value<'_>]) -> Result<T> {
        self.first(sql, values, |row| row.take(0))?
            .ok_or_else(|| Error::Sql("an answer without a row".to_owned()))
    }
}
