//! Databases behind a server: PostgreSQL and MySQL.
//!
//! The libraries are asynchronous and a query is not: [`waiter::Waiter`] is between them. Rows are taken one by one, so a
//! result set is never held whole.

mod mysql;
mod postgres;
mod waiter;

use peregrine_engine::prelude::*;

/// A kind of server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Driver {
    Postgres,
    MySql,
}

/// Bytes of a message of a server at most, and so of a row.
const MAX_MESSAGE: usize = 100 << 20;

/// Runs a query on a server, and gives its rows.
pub(super) fn run(
    scope: &Scope,
    driver: Driver,
    connection: &str,
    sql: &str,
    args: &Value,
    rows: &mut dyn RowSink,
) -> VqlResult<()> {
    match driver {
        Driver::Postgres => postgres::run(scope, connection, sql, args, rows),
        Driver::MySql => mysql::run(scope, connection, sql, args, rows),
    }
}

/// An error that says which server it is of, and keeps the password to itself.
fn named(error: VqlError, server: &str, password: Option<&str>) -> VqlError {
    match error {
        VqlError::Stopped => VqlError::Stopped,
        error => format!("{server}: {}", without_secret(error.to_string(), password)).into(),
    }
}

/// Passwords shorter than this are in texts by chance.
const SHORTEST_SECRET: usize = 4;

/// A message without the password, should a server repeat it.
fn without_secret(message: String, password: Option<&str>) -> String {
    match password {
        Some(password) if password.len() >= SHORTEST_SECRET => message.replace(password, "***"),
        _ => message,
    }
}
