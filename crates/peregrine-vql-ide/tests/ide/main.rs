//! Requests of an editor.

mod common;
mod editor;
mod lint;
