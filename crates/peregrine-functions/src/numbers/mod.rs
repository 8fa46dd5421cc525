//! Numbers, versions, randomness.

mod entropy;
mod humanize;
mod rand;
mod semver;
mod uuid;

use crate::prelude::*;

pub(crate) use semver::Version;
pub(crate) use uuid::new_uuid;

pub(crate) const ALL: &[FunctionDef] = functions![
    entropy::Entropy,
    humanize::Humanize,
    rand::Rand,
    semver::Semver,
    uuid::Uuid
];
