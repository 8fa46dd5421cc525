//! Files through accessors.

mod glob;
mod remapping;
