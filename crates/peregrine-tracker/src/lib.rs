//! The process tracker: events in, call chains and trees out.
//!
//! It remembers processes after they have exited, distinguishes processes that had the same pid, and so knows
//! the whole chain of creators of any process (`wininit → services → PSEXESVC → powershell → notepad`), its
//! siblings and its descendants, now or at an earlier time. It does not depend on an operating system, a
//! query language or a clock: feeds call [`Tracker::apply`] and [`Tracker::sync`] with times they know.
//!
//! # Identity
//!
//! A [`Pid`] is the machine's id of a process, a number that is reused. An [`Id`] is one incarnation:
//! `<pid>-<start second>`, with `.1`, `.2`, … appended only if a pid was reused within one second. Every
//! lookup takes either; a plain pid means its newest incarnation (at the time of the question). Internally a
//! process is identified by its pid and its start time in nanoseconds. Feeds that round start times (to clock
//! ticks or seconds) say how far they may be off, and are matched with more precise ones within that
//! distance. A process whose start is unknown is `<pid>-0` until it becomes known.
//!
//! # Times and order
//!
//! Events may arrive in any order, more than once, and around full lists. For complete events with exact
//! times the result does not depend on the order:
//!
//! * data about a process moves to a later incarnation of the pid when that turns up;
//! * children that arrive before their parent are linked when it arrives;
//! * the exit of a process that was never seen is remembered, invisibly, in case its start arrives late.
//!
//! An end is *exact* when an event reported it. Otherwise it is *inferred*: the process was missing in a full
//! list (`end_time` is the list's time, and the true end lies between `last_seen` and it), or its pid was
//! reused. An exact end is final; an inferred one is replaced by an exact one, or by a later list that shows
//! the very same process alive. The creator of a process never changes: an orphan that a list shows with its
//! adopter keeps its parent, and the parent in an event takes precedence over that in a list.
//!
//! # Memory
//!
//! At most `max_size` records are kept. Exited processes without children are forgotten first, starting with
//! the one that ended longest ago; then exited inner nodes; then living processes, oldest first. So the chain
//! of a living process breaks only when nothing but living processes and their ancestors is left. A child of
//! a forgotten parent still has the parent's id. If records are large (long command lines), fewer are kept:
//! `max_record_bytes` each on average. Exited leaves older than `max_expiry` are always removed. Each event
//! costs O(log n); a full list O(n log n).
//!
//! # Restart
//!
//! [`Tracker::restore`] continues from a journal of the same boot; see there.

#![forbid(unsafe_code)]
#![warn(clippy::disallowed_methods)] // the reasons are in clippy.toml

mod apply;
mod codec;
mod config;
mod event;
mod id;
mod images;
mod invariants;
mod key;
mod payload;
mod persist;
mod query;
mod slot;
mod start_or_exec;
mod stats;
mod store;
mod sync;
mod time;
mod tracker;
mod updates;

pub use codec::{Origin, RestoreReport, fuzz};
pub use config::Config;
pub use event::{Event, Kind, Row};
pub use id::{Id, Pid, Start};
pub use payload::Payload;
pub use persist::Flushed;
pub use query::{MAX_TREE_DEPTH, Process, Program, Tree, TreeNode};
pub use stats::Stats;
pub use sync::SyncReport;
pub use time::{Span, Time};
pub use tracker::Tracker;
pub use updates::{Subscription, Update};
