//! Statements on a connection to PostgreSQL, prepared and kept.

use super::connection::Connection;
use super::text;
use crate::sql::{Next, Row, Tx, Value};
use crate::{Error, Result};
use bytes::BytesMut;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use std::cell::RefCell;
use std::error::Error as StdError;

/// A connection, within a transaction or for reading.
pub(super) struct PostgresTx<'a>(pub(super) RefCell<&'a mut Connection>);

impl Tx for PostgresTx<'_> {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut connection = self.0.borrow_mut();
        let (client, statement) = connection.prepare(sql)?;
        Ok(client.execute(&statement, &parameters(values))?)
    }

    fn insert(&self, sql: &str, values: &[Value<'_>]) -> Result<Option<i64>> {
        (self as &dyn Tx).first(&format!("{sql} RETURNING id"), values, |row| row.take(0))
    }

    fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
        each: &mut dyn FnMut(&dyn Row) -> Result<Next>,
    ) -> Result<()> {
        let mut connection = self.0.borrow_mut();
        let (client, statement) = connection.prepare(sql)?;
        let rows = client.query(&statement, &parameters(values))?;
        // `each` may run statements on this connection.
        drop(connection);
        for row in &rows {
            if each(&PostgresRow::new(row)?)? == Next::Enough {
                break;
            }
        }
        Ok(())
    }
}

fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => match *ty {
                Type::INT4 => i32::try_from(number)?.to_sql(ty, out),
                Type::INT2 => i16::try_from(number)?.to_sql(ty, out),
                _ => number.to_sql(ty, out),
            },
            Value::Bool(truth) => truth.to_sql(ty, out),
            Value::Text(text) => text::escaped(text).as_ref().to_sql(ty, out),
            Value::Bytes(bytes) => bytes.to_sql(ty, out),
        }
    }

    /// Accepts everything here: the server refuses a value that does not fit, and names the type it wants.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row, with its texts converted back.
struct PostgresRow<'a> {
    row: &'a postgres::Row,
    /// Positions and original texts of those columns that were stored escaped.
    originals: Vec<(usize, String)>,
}

impl<'a> PostgresRow<'a> {
    fn new(row: &'a postgres::Row) -> Result<PostgresRow<'a>> {
        let mut originals = Vec::new();
        for (position, column) in row.columns().iter().enumerate() {
            if is_text(column.type_())
                && let Some(stored) = row.try_get::<_, Option<&str>>(position)?
                && let std::borrow::Cow::Owned(original) = text::unescaped(stored)
            {
                originals.push((position, original));
            }
        }
        Ok(PostgresRow { row, originals })
    }
}

fn is_text(ty: &Type) -> bool {
    matches!(*ty, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME)
}

impl Row for PostgresRow<'_> {
    fn position(&self, column: &str) -> Option<usize> {
        self.row.columns().iter().position(|known| known.name() == column)
    }

    fn at(&self, position: usize) -> Result<Value<'_>> {
        let Some(column) = self.row.columns().get(position) else {
            return Err(Error::Sql(format!("the answer has no column {position}")));
        };
        if let Some((_, original)) = self.originals.iter().find(|(at, _)| *at == position) {
            return Ok(Value::Text(original));
        }
        let row = self.row;
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(position)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(position)?.map(i64::from).into(),
            Type::INT2 => row.try_get::<_, Option<i16>>(position)?.map(i64::from).into(),
            Type::BOOL => row.try_get::<_, Option<bool>>(position)?.into(),
            Type::BYTEA => row.try_get::<_, Option<&[u8]>>(position)?.into(),
            ref ty if is_text(ty) => row.try_get::<_, Option<&str>>(position)?.into(),
            ref other => {
                return Err(Error::Sql(format!(
                    "column `{}` has type `{other}`",
                    column.name()
                )));
            }
        })
    }
}
