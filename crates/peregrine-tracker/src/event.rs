//! The input of feeds to the tracker.

use crate::{Pid, Span, Time};
use std::sync::Arc;

/// Something that happened to a process.
#[derive(Debug, Clone)]
pub struct Event<D> {
    /// The process.
    pub pid: Pid,
    /// Its creator, if the feed knows it.
    pub parent: Option<Pid>,
    /// When the process started, if the feed knows that: identifies the incarnation reliably.
    pub start: Option<Time>,
    /// How far `start` may be off (0 for nanosecond feeds, one second for times in whole seconds).
    pub precision: Span,
    /// When this happened.
    pub at: Time,
    /// What happened.
    pub kind: Kind<D>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Kind<D> {
    /// The process was created. Without data it shows its parent's until it executes something (a fork).
    Start(Option<Arc<D>>),
    /// The process now runs another program.
    Exec(Arc<D>),
    /// One of the two, from a feed that calls both a start: [`Event::start`] is the time of the start or of
    /// the execution.
    StartOrExec(Option<Arc<D>>),
    /// The process is gone.
    Exit {
        /// Exit code, or another value the system reports.
        status: Option<i64>,
    },
}

impl<D> Event<D> {
    /// A process started at `at`, which is its start time.
    pub fn start(pid: impl Into<Pid>, parent: impl Into<Pid>, at: Time, data: Arc<D>) -> Event<D> {
        Event {
            parent: Some(parent.into()),
            start: Some(at),
            ..Event::new(pid, at, Kind::Start(Some(data)))
        }
    }

    /// A process was forked from `parent` at `at` and still runs the same program.
    pub fn fork(pid: impl Into<Pid>, parent: impl Into<Pid>, at: Time) -> Event<D> {
        Event {
            parent: Some(parent.into()),
            start: Some(at),
            ..Event::new(pid, at, Kind::Start(None))
        }
    }

    /// The process runs another program.
    pub fn exec(pid: impl Into<Pid>, at: Time, data: Arc<D>) -> Event<D> {
        Event::new(pid, at, Kind::Exec(data))
    }

    /// The process ended.
    pub fn exit(pid: impl Into<Pid>, at: Time, status: Option<i64>) -> Event<D> {
        Event::new(pid, at, Kind::Exit { status })
    }

    /// An event without parent or start time; set the fields that are known.
    pub fn new(pid: impl Into<Pid>, at: Time, kind: Kind<D>) -> Event<D> {
        Event {
            pid: pid.into(),
            parent: None,
            start: None,
            precision: Span::ZERO,
            at,
            kind,
        }
    }
}

/// One process of a full list of processes.
#[derive(Debug, Clone)]
pub struct Row<D> {
    /// The process.
    pub pid: Pid,
    /// Its parent as the system reports it now.
    pub parent: Option<Pid>,
    /// When it started.
    pub start: Option<Time>,
    /// When it ended, for lists that include dead processes.
    pub end: Option<Time>,
    /// Data about it; `None` keeps the tracker's.
    pub data: Option<Arc<D>>,
}

impl<D> Row<D> {
    /// A living process.
    pub fn new(pid: impl Into<Pid>, parent: Option<Pid>, start: Option<Time>, data: Arc<D>) -> Row<D> {
        Row {
            pid: pid.into(),
            parent,
            start,
            end: None,
            data: Some(data),
        }
    }
}
