//! VQL functions about artifacts.

mod import;
mod reformat;
mod verify;

use peregrine_engine::call::FunctionDef;
use peregrine_engine::functions;

/// All functions of this crate, for the registry.
pub const ALL: &[FunctionDef] = functions![import::Import, reformat::Reformat, verify::Verify];
