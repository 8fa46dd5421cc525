//! Counts threads that do not end when they should, and finds out where they hang.
//!
//! A query is stopped between two steps of its work. A step that hangs in the kernel (a disk that does not
//! answer, a file server that is gone) cannot be interrupted. Then the thread is left behind, and whatever
//! waited for it continues.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a query may take to end after it is told to.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// With this many left behind, no more collections are started: each keeps a stack and its query's data.
pub(crate) const MOST: usize = 32;

/// Evaluation nests with the query; the engine limits the depth to this stack.
const QUERY_STACK: usize = 8 << 20;

/// Counted per process, because the threads stay even if the agent restarts in place.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// The number of threads left behind.
pub(crate) fn count() -> usize {
    LEFT.load(Ordering::Relaxed)
}

/// A thread that works for somebody; both share this state.
#[derive(Clone, Default)]
pub(crate) struct Worker(Arc<AtomicUsize>);

const RUNS: usize = 0;
const ENDED: usize = 1;
const ABANDONED: usize = 2;

impl Worker {
    /// Starts a thread for a query. The thread drops its work when nobody needs to wait for it any more.
    pub(crate) fn spawn(
        name: &str,
        work: impl FnOnce(UntilEnd) + Send + 'static,
    ) -> std::io::Result<(JoinHandle<()>, Worker)> {
        let worker = Worker::default();
        let until_end = worker.until_end();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(QUERY_STACK)
            .spawn(move || work(until_end))?;
        Ok((thread, worker))
    }

    /// Called by the thread itself when it has ended.
    fn end(&self) {
        if self.0.swap(ENDED, Ordering::AcqRel) == ABANDONED {
            LEFT.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Stops waiting for the thread; false if it has already ended.
    pub(crate) fn abandon(&self) -> bool {
        let changed = self
            .0
            .compare_exchange(RUNS, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
        if changed.is_ok() {
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
        changed.is_ok()
    }

    /// Marks the end of the thread, however that comes.
    fn until_end(&self) -> UntilEnd {
        UntilEnd(self.clone())
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire) == ENDED
    }
}

pub(crate) struct UntilEnd(Worker);

impl Drop for UntilEnd {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The kernel's id of the calling thread.
pub(crate) fn thread_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// Where a thread of this process hangs, as far as the kernel shows.
pub(crate) fn place(thread: i32) -> String {
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/self/task/{thread}/{name}")).unwrap_or_default();
    let function = read("wchan");
    let call = read("syscall");
    let mut place = match function.trim() {
        "" | "0" => "an unknown place".to_owned(),
        name => format!("the kernel (`{name}`)"),
    };
    // The number of the system call and its arguments; the first is usually a file descriptor.
    let descriptor = call
        .split_whitespace()
        .nth(1)
        .and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    let file =
        descriptor.and_then(|descriptor| std::fs::read_link(format!("/proc/self/fd/{descriptor}")).ok());
    if let Some(file) = file.filter(|file| file.is_absolute()) {
        place.push_str(&format!(", perhaps over `{}`", file.display()));
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_counts_as_left_behind_until_it_ends() {
        let worker = Worker::default();
        let until_end = worker.until_end();
        assert!(worker.abandon() && !worker.abandon() && !worker.has_ended());
        assert!(count() > 0);
        drop(until_end);
        assert!(worker.has_ended() && !worker.abandon());
    }
}
