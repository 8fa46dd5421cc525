//! Numbers, versions, randomness.

mod entropy;
mod humanize;
mod rand;
mod semver;
mod uuid;

use crate::prelude::*;

#[cfg(feature = "templates")]
pub(crate) use semver::Version;
#[cfg(feature = "templates")]
pub(crate) use uuid::new_uuid;

pub(crate) const ALL: &[FunctionDef] = functions![
    entropy::Entropy,
    humanize::Humanize,
    rand::Rand,
    semver::Semver,
    uuid::Uuid
];
