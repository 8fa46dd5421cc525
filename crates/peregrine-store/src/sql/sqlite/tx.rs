//! Statements on a connection to SQLite, prepared and kept.

use crate::Result;
use crate::sql::{Next, Row, Tx, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

/// A connection, within a transaction or for reading.
pub(super) struct SqliteTx<'a>(pub(super) &'a Connection);

impl Tx for SqliteTx<'_> {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let changed = self.0.prepare_cached(sql)?.execute(params_from_iter(values))?;
        Ok(changed as u64)
    }

    fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>> {
        // Not `RETURNING`, for which SQLite builds a temporary table each time.
        let made = self.execute(sql, values)?;
        Ok((made > 0).then(|| self.0.last_insert_rowid()))
    }

    fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<Next>,
    ) -> Result<()> {
        let mut statement = self.0.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if each(&SqliteRow(row))? == Next::Enough {
                break;
            }
        }
        Ok(())
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Bool(truth) => ValueRef::Integer(i64::from(truth)),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

struct SqliteRow<'a, 'b>(&'a rusqlite::Row<'b>);

impl Row for SqliteRow<'_, '_> {
    fn position(&self, column: &str) -> Option<usize> {
        self.0.as_ref().column_index(column).ok()
    }

    fn at(&self, position: usize) -> Result<Value<'_>> {
        Ok(match self.0.get_ref(position)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(bytes) => Value::Text(
                std::str::from_utf8(bytes)
                    .map_err(|error| crate::Error::Damaged(format!("text: {error}")))?,
            ),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
            ValueRef::Real(_) => return Err(crate::Error::Sql("a number with a fraction".to_owned())),
        })
    }
}
