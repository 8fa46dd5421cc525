//! VQL as text: lexer, parser, syntax tree, canonical print, formatter and diagnostics.
//!
//! Nothing here evaluates, reads files or knows the time; that is `peregrine-engine`.
#![forbid(unsafe_code)]

pub mod ast;
