//! Why a query ended.

use std::time::Duration;

use peregrine_api::queries::{QueryEnd, QueryEnded};

/// How the statements of a query were left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// All have run, or were told to stop.
    AtTheEnd,
    /// There were more rows than the limit.
    TooManyRows,
    /// The thread panicked.
    Panicked,
}

/// What is known of a query at its end.
pub(super) struct Outcome {
    pub(super) left: Left,
    pub(super) rows: u64,
    /// Why its memory account ended it.
    pub(super) out_of_memory: Option<String>,
    /// Who cancelled it.
    pub(super) cancelled: Option<String>,
    /// Whether its time was up.
    pub(super) is_late: bool,
    /// The time it had; `None` for no limit.
    pub(super) timeout: Option<Duration>,
}

impl Outcome {
    pub(super) fn ended(self) -> QueryEnded {
        let (reason, message) = if self.left == Left::Panicked {
            let message = "internal error; the log of the server has more".to_owned();
            (QueryEnd::Failed, Some(message))
        } else if let Some(reason) = self.out_of_memory {
            (QueryEnd::OutOfMemory, Some(reason))
        } else if let Some(reason) = self.cancelled {
            (QueryEnd::Cancelled, Some(reason))
        } else if self.left == Left::TooManyRows {
            let message = format!(
                "stopped after {} rows; ask for fewer, or for a higher limit",
                self.rows
            );
            (QueryEnd::TooManyRows, Some(message))
        } else if self.is_late {
            let message = format!(
                "stopped after {} seconds; ask for less, or for more time",
                self.timeout.unwrap_or_default().as_secs_f64()
            );
            (QueryEnd::TimedOut, Some(message))
        } else {
            (QueryEnd::Complete, None)
        };
        QueryEnded {
            reason,
            rows: self.rows,
            message,
        }
    }
}
