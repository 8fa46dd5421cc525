//! Control of a query, caches, and information about values.

mod alert;
mod atexit;
mod background;
mod cache;
mod generate;
mod lru;
mod memoize;
mod patch;
mod pipe;
mod row_queue;
mod sigma_log_sources;
mod sleep;
mod slice;
mod type_of;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![
    alert::Alert,
    atexit::Atexit,
    background::Background,
    cache::Cache,
    generate::Generate,
    lru::Lru,
    memoize::Memoize,
    patch::Patch,
    pipe::Pipe,
    sigma_log_sources::SigmaLogSources,
    sleep::Sleep,
    slice::Slice,
    type_of::TypeOf,
];
