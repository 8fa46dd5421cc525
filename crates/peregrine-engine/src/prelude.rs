//! The imports every file of a function or plugin needs.

pub use peregrine_macros::{IntoRow, VqlArgs};

pub use crate::call::{
    Aggregate, Arg, ArgError, ArgSpec, ArgValue, CallArgs, Category, ColumnSpec, Direct, DynRow, Example,
    FromArg, Function, FunctionDef, IntoRow, OnError, Permission, Platforms, Plugin, PluginDef, Registry,
    Rows, Shape, Tally, VqlArgs, VqlError, VqlResult, example, example_shape, fails, not_run, shown,
};
pub use crate::cancel::Cancellation;
pub use crate::lambda::Lambda;
pub use crate::log::Level;
pub use crate::query::{FnSink, Lazy, Query, QuerySource, RowSink, Stop};
pub use crate::regex::Regex;
pub use crate::scope::Scope;
pub use crate::value::{Columns, Dict, Object, Packed, Row, Str, Time, Value, ZoneId};
pub use crate::{aggregates, functions, plugins};
