//! Real servers for tests: each listens on a loopback port of its own, keeps its files in a temporary folder, and is gone with
//! the value – also when the test panics, and when the whole test program is killed.
//!
//! What is not installed is skipped, and says so where everybody sees it. With `PEREGRINE_REQUIRE_SERVERS=1` in the
//! environment, as `.ci/run` sets it, that is a failure. Only tests use this crate: `cargo xtask dependency-order` refuses
//! anything else.

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

/// The password of user `tester` on every server here: one with letters that drivers have to escape.
pub const PASSWORD: &str = "tops' ecret";

/// Says that a test does nothing here, as a program is missing.
///
/// # Panics
///
/// When the environment asks for every server.
pub fn skip<T>(what: &str) -> Option<T> {
    let is_required = std::env::var_os("PEREGRINE_REQUIRE_SERVERS").is_some_and(|value| value == "1");
    let text = format!("{what} is not installed; `scripts/setup test` installs it");
    assert!(!is_required, "{text}");
    // Not `eprintln!`, which is shown for tests that fail only.
    let _ = writeln!(std::io::stderr(), "skipped: {text}");
    None
}
