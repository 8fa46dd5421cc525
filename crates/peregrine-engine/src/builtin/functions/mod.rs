//! Functions, one per file.

mod any;
mod array;
mod atoi;
mod count;
mod dict;
mod enumerate;
mod eval;
mod filter;
mod format;
mod get;
mod r#if;
mod int;
mod items;
mod join;
mod lazy_dict;
mod len;
mod log;
mod max;
mod min;
mod now;
mod parse_float;
mod rate;
mod scope;
mod set;
mod split;
mod str;
mod sum;
mod timestamp;
mod timestamp_format;
mod to_dict;
mod version;

use crate::prelude::*;

/// Functions without state.
pub(super) const PLAIN: &[FunctionDef] = functions![
    any::All,
    any::Any,
    array::Array,
    atoi::Atoi,
    dict::MakeDict,
    eval::Eval,
    filter::Filter,
    format::Format,
    get::Get,
    r#if::If,
    int::Int,
    items::Items,
    join::Join,
    lazy_dict::LazyDict,
    len::Len,
    log::Log,
    now::Now,
    parse_float::ParseFloat,
    scope::ThisScope,
    set::Set,
    split::Split,
    str::ToStr,
    timestamp::Timestamp,
    timestamp_format::TimestampFormat,
    to_dict::ToDict,
    version::Version,
];

/// Functions with a state per call site and group.
pub(super) const AGGREGATES: &[FunctionDef] = aggregates![
    count::Count,
    enumerate::Enumerate,
    max::Max,
    min::Min,
    rate::Rate,
    sum::Sum
];
