//! Runs a query over the copy of a database.

use std::path::Path;

use peregrine_accessors::{Accessor, OsPath, accessor};
use peregrine_engine::prelude::*;
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, OpenFlags, ToSql};

use super::shape::Shape;
use super::{arguments, snapshot};

/// Maximum size of a value in bytes.
const MAX_VALUE: i32 = 100 << 20;
/// Steps of SQLite's virtual machine between checks of the query.
const STEPS: i32 = 10_000;

/// Runs an SQL query over a copy of the database file `find`, with the accessor given or `file`. A file that
/// is not a database has no rows.
pub(super) fn run(
    scope: &Scope,
    files: Option<String>,
    find: impl FnOnce(&dyn Accessor) -> Result<OsPath, String>,
    sql: &str,
    args: &Value,
    rows: &mut dyn RowSink,
) -> VqlResult<()> {
    let name = files
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "file".to_owned());
    let files = accessor(scope, &name).map_err(|error| error.to_string())?;
    let path = find(files.as_ref())?;
    match snapshot::of(scope, &files, &path)? {
        Some(copy) => run_over(scope, &copy, sql, args, rows),
        None => Ok(()),
    }
}

/// Runs a read-only SQL query, and emits its rows.
fn run_over(
    scope: &Scope,
    database: &Path,
    sql: &str,
    args: &Value,
    rows: &mut dyn RowSink,
) -> VqlResult<()> {
    let failed = |error: rusqlite::Error| VqlError::from(error.to_string());
    // Opened for writing, which reading a write-ahead log requires; it is a copy, and statements that write
    // are refused.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(database, flags).map_err(failed)?;
    connection
        .set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)
        .map_err(failed)?;
    connection
        .set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)
        .map_err(failed)?;
    connection
        .pragma_update(None, "trusted_schema", false)
        .map_err(failed)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(failed)?;
    let cancellation = scope.cancellation().clone();
    connection
        .progress_handler(STEPS, Some(move || cancellation.is_cancelled()))
        .map_err(failed)?;
    let mut statement = connection.prepare(sql).map_err(failed)?;
    if !statement.readonly() {
        return Err("the statement writes; only queries that read are run".into());
    }
    let shape = Shape::new(statement.column_names());
    let mut found = statement
        .query(rusqlite::params_from_iter(parameters(scope, args)))
        .map_err(failed)?;
    loop {
        scope.checkpoint()?;
        let row = match found.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            Err(_) if scope.cancellation().is_cancelled() => return Err(VqlError::Stopped),
            Err(error) => return Err(failed(error)),
        };
        let cells = (0..shape.len())
            .map(|at| row.get_ref(at).map_or(Value::Null, cell))
            .collect::<Vec<_>>();
        rows.push(shape.row(cells))?;
    }
}

fn cell(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) => Value::from(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Value::str(bytes),
    }
}

/// A parameter; text is bound byte by byte.
enum Parameter {
    Plain(SqlValue),
    Text(Str),
}

impl ToSql for Parameter {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Parameter::Plain(value) => value.into(),
            Parameter::Text(text) => ValueRef::Text(text),
        }))
    }
}

fn parameters(scope: &Scope, args: &Value) -> Vec<Parameter> {
    let parameter = |value: Value| {
        Parameter::Plain(match value {
            Value::Null => SqlValue::Null,
            Value::Bool(value) => SqlValue::Integer(value.into()),
            Value::Int(number) => SqlValue::Integer(number),
            Value::Float(number) => SqlValue::Real(number),
            Value::Bytes(bytes) => SqlValue::Blob(bytes.to_vec()),
            other => return Parameter::Text(other.to_string_arg(scope)),
        })
    };
    arguments::list(scope, args).into_iter().map(parameter).collect()
}
