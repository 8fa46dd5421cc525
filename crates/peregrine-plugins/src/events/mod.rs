//! Event sources: plugins that watch, and end only when they are stopped.

pub(crate) mod ebpf_events;
pub(crate) mod hub;
pub(crate) mod process_event_source;
pub(crate) mod process_events;
pub(crate) mod turns;
pub(crate) mod watch_ebpf;

pub(crate) use process_events::preferred;
