//! Functions, one per file.

mod len;

use crate::prelude::*;

/// Functions without state.
pub(super) const PLAIN: &[FunctionDef] = functions![len::Len];
