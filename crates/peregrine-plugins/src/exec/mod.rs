//! Running programs.

mod execve;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![execve::Execve];
