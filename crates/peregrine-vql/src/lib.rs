//! VQL as text: lexer, parser, syntax tree, canonical print, formatter and diagnostics.
//!
//! This crate does not evaluate, read files or use the clock; `peregrine-engine` does.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml

pub mod ast;
pub mod diagnostic;
mod format;
mod lexer;
mod literal;
mod parser;
mod print;
mod render;
mod token;

pub use diagnostic::{Diagnostic, Severity};
pub use format::{reformat, reformat_keeping_comments};
pub use lexer::{MAX_TEXT_BYTES, MAX_TOKENS};
pub use parser::{MAX_DEPTH, parse, parse_bytes, parse_lambda, parse_recovering, parse_with_comments};
pub use print::{column_name, print_expr, print_select, print_source, print_statement};
