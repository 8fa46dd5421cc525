//! Running programs.
#![allow(unreachable_pub, reason = "types of plugins are named only by the list")]

mod execve;

use peregrine_engine::prelude::*;

pub(crate) const PLUGINS: &[PluginDef] = plugins![execve::Execve];
