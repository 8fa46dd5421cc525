//! What functions and plugins are: their arguments, definitions and registry.

mod args;
mod convert;
mod example;
mod function;
mod plugin;
mod registry;
mod spec;

pub use self::args::{Arg, ArgError, ArgValue, CallArgs, VqlArgs, count_specs, joined_specs};
pub use self::convert::FromArg;
pub(crate) use self::convert::{each_row_of, rows_of};
pub use self::example::{Example, Expect, Shape, example, example_shape, fails, not_run};
pub use self::function::{Aggregate, Direct, Function, FunctionDef, FunctionKind, Tally};
pub use self::plugin::{DynRow, IntoRow, Plugin, PluginDef, Rows};
pub use self::registry::Registry;
pub use self::spec::{ArgSpec, Category, ColumnSpec, OnError, Platforms, shown};
pub use peregrine_base::Permission;

use crate::query::Stop;

/// What functions and plugins give back.
pub type VqlResult<T = crate::value::Value> = Result<T, VqlError>;

/// Why a function or plugin ended early.
#[derive(Debug, Clone, PartialEq)]
pub enum VqlError {
    /// The consumer is satisfied or the query cancelled: unwind quietly.
    Stopped,
    /// Logged as `<name>: <text>`; the function gives NULL, the plugin no more rows.
    Message(String),
    /// An argument is missing or wrong.
    Arg(ArgError),
}

impl From<String> for VqlError {
    fn from(text: String) -> VqlError {
        VqlError::Message(text)
    }
}

impl From<&str> for VqlError {
    fn from(text: &str) -> VqlError {
        VqlError::Message(text.to_owned())
    }
}

impl From<Stop> for VqlError {
    fn from(_: Stop) -> VqlError {
        VqlError::Stopped
    }
}

impl From<ArgError> for VqlError {
    fn from(error: ArgError) -> VqlError {
        VqlError::Arg(error)
    }
}

impl std::fmt::Display for VqlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VqlError::Stopped => f.write_str("stopped"),
            VqlError::Message(text) => f.write_str(text),
            VqlError::Arg(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for VqlError {}
