//! One sink for rows made on several threads.

use parking_lot::Mutex;

use crate::prelude::*;

/// A sink several threads may push to. When it stops, all of them are cancelled.
pub(super) struct SharedSink<'a> {
    rows: Mutex<(&'a mut dyn RowSink, bool)>,
    scope: Scope,
}

impl<'a> SharedSink<'a> {
    pub(super) fn new(scope: &Scope, rows: &'a mut dyn RowSink) -> SharedSink<'a> {
        let scope = scope.child_cancelled_by(scope.cancellation().child());
        SharedSink {
            rows: Mutex::new((rows, false)),
            scope,
        }
    }

    /// The scope threads work in: cancelled when the sink stops.
    pub(super) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// One thread's end.
    pub(super) fn handle(&self) -> Handle<'_, 'a> {
        Handle(self)
    }

    /// True once no more rows are wanted.
    pub(super) fn is_stopped(&self) -> bool {
        self.scope.cancellation().is_cancelled()
    }

    /// After all threads have ended: whether the consumer had asked to stop.
    pub(super) fn finish(&self) -> VqlResult<()> {
        if self.rows.lock().1 {
            Err(VqlError::Stopped)
        } else {
            Ok(self.scope.checkpoint()?)
        }
    }
}

/// One thread's end of a [`SharedSink`].
pub(super) struct Handle<'s, 'a>(&'s SharedSink<'a>);

impl RowSink for Handle<'_, '_> {
    fn push(&mut self, row: Row) -> Result<(), Stop> {
        let mut rows = self.0.rows.lock();
        if rows.1 {
            return Err(Stop);
        }
        rows.0.push(row).inspect_err(|Stop| {
            rows.1 = true;
            self.0.scope.cancellation().cancel();
        })
    }
}
