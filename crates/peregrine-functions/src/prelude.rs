//! The imports every file of a function needs.

pub(crate) use peregrine_accessors::{Accessor, Dialect, FileReader, OsPath, PathArg, accessor};
pub(crate) use peregrine_engine::json;
pub(crate) use peregrine_engine::prelude::*;

pub(crate) use crate::support::{json_text, open, read_all, read_to_end, text_of_json};
