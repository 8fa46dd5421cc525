//! Databases: files of other programs, and servers.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[cfg(feature = "servers")]
mod sql_servers;
mod sqlite;

use std::sync::Arc;

use peregrine_engine::prelude::*;
use peregrine_engine::{Program, builtin, context::Context, json, log::MemoryLog};

fn registry() -> Arc<Registry> {
    let registry = peregrine_functions::register(builtin::registry());
    Arc::new(registry.with_plugins(peregrine_databases::PLUGINS))
}

/// The rows of a query as JSON, and its messages.
fn run_until(vql: &str, env: Dict, cancellation: Cancellation) -> (String, Vec<String>) {
    let log = Arc::new(MemoryLog::default());
    let context = Context::builder()
        .registry(registry())
        .log(log.clone())
        .cancellation(cancellation)
        .build();
    let scope = Scope::root(&context, env);
    let mut rows: Vec<Row> = Vec::new();
    let _ = Program::compile(vql).unwrap().run(&scope, &mut rows);
    let mut shown = Vec::new();
    rows.iter()
        .for_each(|row| json::write_row(&scope, row, &mut shown));
    scope.close();
    let lines = log.lines().into_iter();
    let lines = lines.filter(|line| !line.starts_with("DEBUG:")).collect();
    (String::from_utf8(shown).unwrap(), lines)
}

#[test]
fn examples_hold() {
    let own = Registry::new().with_plugins(peregrine_databases::PLUGINS);
    let failures = peregrine_engine::examples::check_all(&Arc::new(own));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[cfg(not(feature = "servers"))]
#[test]
fn a_driver_that_is_left_out_says_so() {
    let call = "SELECT * FROM sql(driver='postgres', connstring='host=h', query='SELECT 1')";
    let (rows, log) = run_until(call, Dict::new(), Cancellation::new());
    assert_eq!(rows, "");
    let text = "driver `postgres` is not built into this program; use one with the feature `sql-servers`";
    assert!(log.join("\n").contains(text), "{log:?}");
}
