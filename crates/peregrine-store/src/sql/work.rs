//! Queued writes: work that can be run again from the start, and the caller waiting for its result.

use super::Tx;
use crate::{Error, Result};
use tokio::sync::oneshot;

/// Work that may share its transaction with others.
pub(super) trait Work: Send {
    /// Runs the work; returns the error if it failed.
    fn run(&mut self, tx: &dyn Tx) -> Option<Error>;
    /// Tells the caller how it ended; `batch` is an error of the whole transaction.
    fn answer(self: Box<Self>, batch: Option<Error>);
}

/// A closure and the channel for its result.
pub(super) struct Task<T, F> {
    work: F,
    result: Option<Result<T>>,
    sender: oneshot::Sender<Result<T>>,
}

impl<T, F> Task<T, F>
where
    T: Send + 'static,
    F: FnMut(&dyn Tx) -> Result<T> + Send + 'static,
{
    /// Wraps the work; its result arrives on the receiver.
    pub(super) fn prepare(work: F) -> (Box<dyn Work>, oneshot::Receiver<Result<T>>) {
        let (sender, answer) = oneshot::channel();
        let task = Task {
            work,
            result: None,
            sender,
        };
        (Box::new(task), answer)
    }
}

impl<T: Send, F: FnMut(&dyn Tx) -> Result<T> + Send> Work for Task<T, F> {
    fn run(&mut self, tx: &dyn Tx) -> Option<Error> {
        let result = (self.work)(tx);
        let failure = result.as_ref().err().cloned();
        self.result = Some(result);
        failure
    }

    fn answer(self: Box<Self>, batch: Option<Error>) {
        let result = batch.map_or(self.result.unwrap_or(Err(Error::Closed)), Err);
        let _ = self.sender.send(result);
    }
}
