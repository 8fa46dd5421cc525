//! VQL plugins over databases: `sqlite()` reads files of SQLite, `sql()` asks these and servers of PostgreSQL and MySQL.
//!
//! Apart from the other plugins because of the libraries it brings. Without the feature `servers` only files are read.
#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons stand in clippy.toml
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
