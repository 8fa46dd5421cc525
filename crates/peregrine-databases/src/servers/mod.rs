//! Database servers: PostgreSQL and MySQL.
//!
//! The libraries are asynchronous and queries are not: [`waiter::Waiter`] connects them. Rows are fetched one
//! by one, so a result set is never held as a whole.

mod mysql;
mod postgres;
mod waiter;

use peregrine_engine::prelude::*;

/// A type of server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Driver {
    Postgres,
    MySql,
}

/// Maximum bytes of a server's message, and so of a row.
const MAX_MESSAGE: usize = 100 << 20;

/// Runs a query on a server, and emits its rows.
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

/// Adds the server to an error, and removes the password.
fn named(error: VqlError, server: &str, password: Option<&str>) -> VqlError {
    match error {
        VqlError::Stopped => VqlError::Stopped,
        error => format!("{server}: {}", without_secret(error.to_string(), password)).into(),
    }
}

/// Shorter passwords occur in texts by chance.
const SHORTEST_SECRET: usize = 4;

/// A message without the password, in case a server repeats it.
fn without_secret(message: String, password: Option<&str>) -> String {
    match password {
        Some(password) if password.len() >= SHORTEST_SECRET => message.replace(password, "***"),
        _ => message,
    }
}
