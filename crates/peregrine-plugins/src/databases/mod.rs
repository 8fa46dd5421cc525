//! Databases.

mod run;
mod snapshot;
mod sql;
mod sqlite;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![sql::Sql, sqlite::Sqlite];
