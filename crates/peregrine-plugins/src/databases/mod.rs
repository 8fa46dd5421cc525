//! Databases.

mod arguments;
mod run;
mod servers;
mod shape;
mod snapshot;
mod sql;
mod sqlite;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![sql::Sql, sqlite::Sqlite];
