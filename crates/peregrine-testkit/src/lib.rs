//! Real servers for tests. Each listens on its own loopback port, keeps its files in a temporary folder, and
//! ends when its value is dropped, even if the test panics or the whole test program is killed.
//!
//! Tests whose server is not installed are skipped, and say so visibly. With `PEREGRINE_REQUIRE_SERVERS=1` in
//! the environment, as set by `.ci/run`, they fail instead. Only tests use this crate: `cargo xtask
//! dependency-order` refuses anything else.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "only tests call this, and they shall end at the first fault"
)]

mod account;
mod certificates;
mod mariadb;
mod nats;
mod postgres;
mod server;
mod watchdog;

pub use mariadb::MariaDb;
pub use nats::Nats;
pub use postgres::Postgres;
pub use server::Server;

use std::io::Write;

/// The password of user `tester` on every server here; it contains characters that drivers have to escape.
pub const PASSWORD: &str = "tops' ecret";

/// Reports that a test is skipped because a program is missing.
///
/// # Panics
///
/// When the environment requires every server.
pub fn skip<T>(what: &str) -> Option<T> {
    let is_required = std::env::var_os("PEREGRINE_REQUIRE_SERVERS").is_some_and(|value| value == "1");
    let text = format!("{what} is not installed; `scripts/setup test` installs it");
    assert!(!is_required, "{text}");
    // Not `eprintln!`, whose output is shown only for failing tests.
    let _ = writeln!(std::io::stderr(), "skipped: {text}");
    None
}
