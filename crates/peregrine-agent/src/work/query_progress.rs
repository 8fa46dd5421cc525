//! The progress of a request, as shown in the reports of its collection.

use crate::clock::now_micros;
use crate::state::message_size::short_text;
use parking_lot::Mutex;
use peregrine_proto::{VeloStatus, VqlCollectorArgs, velo_status::ReturnedStatus};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The progress of a request. Written by the thread that runs it, read by the one that manages the
/// collection.
pub(crate) struct QueryProgress {
    last_active: AtomicU64,
    has_changed: AtomicBool,
    report: Mutex<Report>,
}

struct Report {
    status: VeloStatus,
    /// True when nobody waits for the query any more; its status no longer changes.
    is_closed: bool,
}

impl QueryProgress {
    /// The progress of one of a collection's `total` requests.
    pub(crate) fn new(request: &VqlCollectorArgs, total: usize) -> QueryProgress {
        let now = now_micros();
        let status = VeloStatus {
            status: ReturnedStatus::Progress.into(),
            query_id: request.query_id,
            total_queries: i64::try_from(total).unwrap_or(i64::MAX),
            first_active: now,
            ..VeloStatus::default()
        };
        QueryProgress {
            last_active: AtomicU64::new(now),
            has_changed: AtomicBool::new(true),
            report: Mutex::new(Report {
                status,
                is_closed: false,
            }),
        }
    }

    /// The status without row counts, which the batches add.
    pub(crate) fn status(&self) -> VeloStatus {
        VeloStatus {
            last_active: self.last_active.load(Ordering::Relaxed),
            ..self.report.lock().status.clone()
        }
    }

    /// True once after each change.
    pub(crate) fn take_change(&self) -> bool {
        self.has_changed.swap(false, Ordering::Relaxed)
    }

    /// True when the query was left behind.
    pub(crate) fn is_closed(&self) -> bool {
        self.report.lock().is_closed
    }

    /// Records its start.
    pub(crate) fn begin(&self) {
        self.report.lock().status.first_active = now_micros();
    }

    /// Records that it has just done something.
    pub(crate) fn touch(&self) {
        self.last_active.store(now_micros(), Ordering::Relaxed);
        self.has_changed.store(true, Ordering::Relaxed);
    }

    /// Marks the query as failed; the first reason counts.
    pub(crate) fn fail(&self, message: &str, backtrace: &str) {
        self.change(|status| {
            if status.error_message.is_empty() {
                status.error_message = short_text(message);
                status.backtrace = short_text(backtrace);
            }
        });
    }

    /// Ends the query before it has begun.
    pub(crate) fn refuse(&self, message: &str) {
        self.fail(message, "");
        self.change(|status| status.status = ReturnedStatus::GenericError.into());
    }

    /// Records its end after this time, successful unless it has failed. Ignored if it was left behind.
    pub(crate) fn finish(&self, elapsed: Duration) {
        self.touch();
        let mut report = self.report.lock();
        if report.is_closed {
            return;
        }
        let status = &mut report.status;
        let outcome = if status.error_message.is_empty() {
            ReturnedStatus::Ok
        } else {
            ReturnedStatus::GenericError
        };
        status.status = outcome.into();
        status.duration = i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX);
    }

    /// Records that it was left behind for this reason; anything it does later is not reported.
    pub(crate) fn leave_behind(&self, reason: &str) {
        let mut report = self.report.lock();
        report.is_closed = true;
        let status = &mut report.status;
        status.status = ReturnedStatus::GenericError.into();
        // The limit or the cancellation was the first reason; where it hangs is new information.
        if !status.error_message.contains(reason) {
            status.error_message = format!("{}; {reason}", status.error_message);
        }
        let micros = now_micros().saturating_sub(status.first_active);
        status.duration = i64::try_from(micros.saturating_mul(1000)).unwrap_or(i64::MAX);
        self.has_changed.store(true, Ordering::Relaxed);
    }

    /// Counts a log line of the query.
    pub(crate) fn count_log(&self) {
        self.change(|status| status.log_rows += 1);
    }

    /// Counts a file of this expected size that is about to be sent.
    pub(crate) fn count_upload(&self, expected: u64) {
        self.change(|status| {
            status.uploaded_files += 1;
            status.expected_uploaded_bytes = status.expected_uploaded_bytes.saturating_add_unsigned(expected);
        });
    }

    /// Counts `bytes` sent bytes of a file.
    pub(crate) fn count_uploaded(&self, bytes: u64) {
        self.change(|status| status.uploaded_bytes = status.uploaded_bytes.saturating_add_unsigned(bytes));
        self.touch();
    }

    /// Corrects the total when a file's size differs from the expected one.
    pub(crate) fn correct_upload(&self, expected: u64, actual: u64) {
        self.change(|status| {
            status.expected_uploaded_bytes = status
                .expected_uploaded_bytes
                .saturating_sub_unsigned(expected)
                .saturating_add_unsigned(actual);
        });
    }

    fn change(&self, change: impl FnOnce(&mut VeloStatus)) {
        change(&mut self.report.lock().status);
        self.has_changed.store(true, Ordering::Relaxed);
    }
}
