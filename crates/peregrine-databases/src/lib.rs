//! VQL plugins for databases: `sqlite()` reads SQLite files, `sql()` queries these and PostgreSQL and MySQL
//! servers.
//!
//! A separate crate because of the libraries it needs. Without the feature `servers`, only files can be read.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml
#![expect(unreachable_pub, reason = "types of plugins are named only by the list")]

mod arguments;
mod run;
#[cfg(feature = "servers")]
mod servers;
mod shape;
mod snapshot;
mod sql;
mod sqlite;

use peregrine_engine::prelude::*;

/// All plugins of this crate.
pub const PLUGINS: &[PluginDef] = plugins![sql::Sql, sqlite::Sqlite];
