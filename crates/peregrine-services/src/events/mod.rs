//! Event rows: of artifacts that run all the time, and of the server's own queues, such as `System.Flow.Completion`. Rows
//! that clients send are stored by [`flows::store`](crate::flows::store), those that arise on the server by [`emit`]; queries
//! see both as they come through a [`Watch`].

mod alerts;
mod delete;
mod expire;
mod follow;
mod queues;
#[cfg(test)]
mod tests;
mod to_tell;
mod watch;

pub use alerts::{ALERTS, Origin, alert_line, alerts, raise};
pub use delete::{EventPart, EventSpan, delete, find};
pub use expire::expire;
pub use follow::follow;
pub use queues::tell;
pub use queues::{complete, digest, emit, permission_to_read, send, untold, upload_completed};
pub(crate) use queues::{pass_on, tell_participation};
pub use to_tell::ToTell;
pub(crate) use watch::{Arrival, Watches};
pub use watch::{News, Watch, watch};

use peregrine_store::Micros;

/// A time as rows have it in `_ts`: seconds since 1970, with a fraction.
#[must_use]
pub fn timestamp(at: Micros) -> String {
    format!("{}.{:06}", at.div_euclid(1_000_000), at.rem_euclid(1_000_000))
}
