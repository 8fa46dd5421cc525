//! Counts questions about the time of an event that had no answer, by reason, and logs the counts from time
//! to time.

use super::in_force::{Handle, instant};
use parking_lot::Mutex;
use peregrine_engine::prelude::*;
use std::time::{Duration, Instant};

/// Minimum time between two messages.
const EVERY: Duration = Duration::from_secs(60);

/// Unanswered questions of one tracker.
#[derive(Debug, Default)]
pub(crate) struct Missing(Mutex<Reported>);

#[derive(Debug, Default)]
struct Reported {
    counts: Counts,
    last_logged: Option<Instant>,
}

/// Counts by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    /// There was no tracker, and the process was gone.
    untracked: u64,
    /// The tracker has forgotten the processes of that time.
    forgotten: u64,
    /// No event or list showed the process.
    unseen: u64,
}

impl Missing {
    /// Counts one, and logs the counts when that is due.
    pub(crate) fn count(&self, scope: &Scope, handle: &Handle, at: Time) {
        let is_forgotten = handle
            .tracker
            .forgotten_until()
            .is_some_and(|until| instant(at) <= until);
        let counts = {
            let mut state = self.0.lock();
            match (handle.is_snapshot, is_forgotten) {
                (true, _) => state.counts.untracked += 1,
                (false, true) => state.counts.forgotten += 1,
                (false, false) => state.counts.unseen += 1,
            }
            if state.last_logged.is_some_and(|logged| logged.elapsed() < EVERY) {
                return;
            }
            state.last_logged = Some(Instant::now());
            std::mem::take(&mut state.counts)
        };
        scope.log_line(&format!("WARN:process_tracker: {}", counts.told()));
    }
}

impl Counts {
    fn told(self) -> String {
        let total = self.untracked + self.forgotten + self.unseen;
        let reasons = [
            (
                self.untracked,
                "gone before anybody looked, as no process tracker runs (`Linux.Events.TrackProcesses`)",
            ),
            (
                self.forgotten,
                "forgotten (raise `max_size` of the process tracker)",
            ),
            (self.unseen, "never seen"),
        ];
        let reasons: Vec<String> = reasons
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, reason)| format!("{count} {reason}"))
            .collect();
        let (were, questions) = if total == 1 {
            ("was", "question")
        } else {
            ("were", "questions")
        };
        format!(
            "{total} {questions} about processes {were} not answered, the processes being: {}",
            reasons.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn reasons_are_told_with_their_numbers() {
        let counts = Counts {
            untracked: 0,
            forgotten: 30,
            unseen: 7,
        };
        assert_eq!(
            counts.told(),
            "37 questions about processes were not answered, the processes being: 30 forgotten (raise `max_size` of the \
             process tracker), 7 never seen"
        );
    }
}
