//! Control of a query, caches, and questions about values.

mod alert;
mod atexit;
mod background;
mod cache;
mod memoize;
mod patch;
mod sleep;
mod slice;
mod type_of;

use crate::prelude::*;

pub(crate) const ALL: &[FunctionDef] = functions![
    alert::Alert,
    atexit::Atexit,
    background::Background,
    cache::Cache,
    memoize::Memoize,
    patch::Patch,
    sleep::Sleep,
    slice::Slice,
    type_of::TypeOf,
];
