//! SQLite's side: in memory, one connection, statements prepared once.

use crate::numbers::{key, number, path};
use anyhow::Context as _;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, params};

/// A database with the tables the cases read.
pub(crate) fn open(rows: i64) -> anyhow::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    rusqlite::vtab::series::load_module(&connection)?;
    connection.create_scalar_function(
        "regexp",
        2,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        |context| {
            // The pattern is compiled once per statement, as SQLite's own extension does.
            let regex = context.get_or_create_aux(0, |pattern| -> anyhow::Result<_> {
                Ok(regex::Regex::new(pattern.as_str()?)?)
            })?;
            let text = context
                .get_raw(1)
                .as_str()
                .map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
            Ok(regex.is_match(text))
        },
    )?;
    connection.execute_batch(
        "CREATE TABLE plain(value INTEGER); CREATE TABLE numbers(id INTEGER, key INTEGER, number INTEGER, path TEXT); BEGIN",
    )?;
    {
        let mut plain = connection.prepare("INSERT INTO plain VALUES (?)")?;
        let mut numbers = connection.prepare("INSERT INTO numbers VALUES (?, ?, ?, ?)")?;
        for i in 0..rows {
            plain.execute([i])?;
            numbers.execute(params![i, key(i), number(i), path(i & 4095)])?;
        }
    }
    connection.execute_batch("COMMIT")?;
    Ok(connection)
}

/// Runs a query, reads every value, and returns the number of rows.
pub(crate) fn run(connection: &Connection, sql: &str) -> anyhow::Result<u64> {
    let mut statement = connection.prepare(sql).with_context(|| sql.to_owned())?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            std::hint::black_box(row.get_ref(column)?);
        }
        count += 1;
    }
    Ok(count)
}
