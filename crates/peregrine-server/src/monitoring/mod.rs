//! Client monitoring: which event queries run on which clients.

mod table;
mod update;

pub(crate) use table::{MonitoringTable, TableCache, get, labels_changed, set};
pub(crate) use update::update_for;
