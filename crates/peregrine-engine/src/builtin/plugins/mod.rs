//! Plugins, one per file.

mod range;

use crate::prelude::*;

/// All of them.
pub(super) const ALL: &[PluginDef] = plugins![range::Range];
