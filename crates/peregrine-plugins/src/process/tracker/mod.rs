//! The process tracker as queries see it.
//!
//! One tracker serves all queries of a host. `process_tracker()` installs it for as long as its query runs;
//! without it, every lookup is answered from a list of the running processes.

mod all;
mod callchain;
mod children;
mod feed;
mod full_list;
mod get;
mod in_force;
mod install;
mod missing;
mod payload;
mod pslist;
mod query_feed;
mod record;
mod shared;
mod siblings;
mod tree;
mod updates;

use peregrine_engine::prelude::*;

pub use in_force::StateFolder;
pub(crate) use in_force::installed_stats;

/// The functions of the tracker.
pub(crate) const FUNCTIONS: &[FunctionDef] = functions![
    all::ProcessTrackerAll,
    callchain::ProcessTrackerCallchain,
    children::ProcessTrackerChildren,
    get::ProcessTrackerGet,
    install::ProcessTracker,
    siblings::ProcessTrackerSiblings,
    tree::ProcessTrackerTree,
];

/// The plugins of the tracker.
pub(crate) const PLUGINS: &[PluginDef] =
    plugins![pslist::ProcessTrackerPslist, updates::ProcessTrackerUpdates];
