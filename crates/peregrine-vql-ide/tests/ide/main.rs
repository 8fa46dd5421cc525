//! What an editor asks.

mod common;
mod editor;
mod lint;
