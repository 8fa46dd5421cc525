//! What waits to be written: work that can be done again from the beginning, and who waits for it.

use super::Tx;
use crate::{Error, Result};
use tokio::sync::oneshot;

/// Work within a transaction that it may share with others.
pub(super) trait Work: Send {
    /// Does it; the error, if it failed.
    fn run(&mut self, tx: &dyn Tx) -> Option<Error>;
    /// Tells the caller how it ended; an error is one of the whole transaction.
    fn answer(self: Box<Self>, batch: Option<Error>);
}

/// A closure, and the caller who waits for what it gives.
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
    /// The work, and where its result will be.
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
