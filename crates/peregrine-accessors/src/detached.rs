//! File operations that may hang in the kernel: another thread performs them, so that the caller can stop
//! waiting.
//!
//! Files that can report that there is nothing to read yet (pipes, terminals, the kernel log) are polled, and
//! their thread ends with the query. A read from a file server that is gone cannot be interrupted: a query
//! that has to end leaves the thread behind, and it ends when the kernel lets it. The number of such threads
//! is bounded.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use peregrine_engine::prelude::Cancellation;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How often to check whether the query has ended.
const TICK: Duration = Duration::from_millis(20);
/// Maximum number of threads left behind; beyond it, operations that may hang are refused.
const MOST_LEFT: usize = 64;
/// How long a thread waits for data before it checks whether they are still wanted.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// Maximum number of idle threads kept for later work, and for how long.
const MOST_IDLE: usize = 4;
const IDLE: Duration = Duration::from_secs(5);
/// Bytes read at a time.
const PIECE: usize = 1 << 20;
/// Listing and reading need little stack.
const STACK: usize = 256 << 10;

static LEFT: AtomicUsize = AtomicUsize::new(0);

type Job = Box<dyn FnOnce() + Send>;

/// Idle threads, the most recent last.
static WAITING: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Performs an operation that may hang. If the query ends meanwhile, that is an error, and the operation is
/// left to itself.
pub(crate) fn run<T: Send + 'static>(
    cancellation: &Cancellation,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    if cancellation.is_cancelled() {
        return Err(io::Error::other("the query ends"));
    }
    let left = LEFT.load(Ordering::Relaxed);
    if left >= MOST_LEFT {
        return Err(io::Error::other(format!(
            "not read, as {left} earlier reads hang in the kernel; look for pipes, devices and file servers that do not answer"
        )));
    }
    let (sender, outcome) = bounded(1);
    let is_left = Arc::new(AtomicBool::new(false));
    let was_left = Arc::clone(&is_left);
    start(Box::new(move || {
        let done = work();
        // Each side sets it once; the second one learns about the first.
        if was_left.swap(true, Ordering::AcqRel) {
            LEFT.fetch_sub(1, Ordering::Relaxed);
        }
        // Nobody receives it if the thread was left behind.
        let _ = sender.send(done);
    }))?;
    loop {
        match outcome.recv_timeout(TICK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("reading it crashed")),
            Err(RecvTimeoutError::Timeout) if cancellation.is_cancelled() => {
                // Counted first, so that the other side never subtracts too early.
                LEFT.fetch_add(1, Ordering::Relaxed);
                if is_left.swap(true, Ordering::AcqRel) {
                    LEFT.fetch_sub(1, Ordering::Relaxed);
                }
                return Err(io::Error::other(
                    "it hangs, and was left to itself when the query ended",
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn start(job: Job) -> io::Result<()> {
    let mut job = job;
    loop {
        let waiting = WAITING.lock().pop();
        let Some(worker) = waiting else { break };
        match worker.send(job) {
            Ok(()) => return Ok(()),
            // It has just ended.
            Err(back) => job = back.into_inner(),
        }
    }
    let (sender, jobs) = bounded(1);
    std::thread::Builder::new()
        .name("read".to_owned())
        .stack_size(STACK)
        .spawn(move || serve(job, &sender, &jobs))?;
    Ok(())
}

/// Works until it has been idle for a while.
fn serve(first: Job, own: &Sender<Job>, jobs: &Receiver<Job>) {
    let mut job = first;
    loop {
        job();
        {
            let mut waiting = WAITING.lock();
            if waiting.len() >= MOST_IDLE {
                return;
            }
            waiting.push(own.clone());
        }
        job = match jobs.recv_timeout(IDLE) {
            Ok(job) => job,
            Err(_) => {
                let mut waiting = WAITING.lock();
                let at = waiting.iter().position(|worker| worker.same_channel(own));
                match at {
                    Some(at) => {
                        waiting.swap_remove(at);
                        return;
                    }
                    // Another thread has taken us out of the list to give us work.
                    None => drop(waiting),
                }
                match jobs.recv() {
                    Ok(job) => job,
                    Err(_) => return,
                }
            }
        };
    }
}

/// A file whose reads may hang.
pub(crate) struct DetachedReader {
    /// `None` during a read, and after a read was left behind.
    file: Option<File>,
    cancellation: Cancellation,
}

impl DetachedReader {
    pub(crate) fn new(file: File, cancellation: &Cancellation) -> DetachedReader {
        DetachedReader {
            file: Some(file),
            cancellation: cancellation.clone(),
        }
    }

    fn with_file<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut File) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(mut file) = self.file.take() else {
            return Err(io::Error::other("an earlier read of it hangs"));
        };
        let (file, outcome) = run(&self.cancellation, move || {
            let outcome = work(&mut file);
            (file, outcome)
        })?;
        self.file = Some(file);
        outcome
    }
}

impl Read for DetachedReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(PIECE);
        if length == 0 {
            return Ok(0);
        }
        let cancellation = self.cancellation.clone();
        let piece = self.with_file(move |file| {
            wait_for_content(file, &cancellation)?;
            let mut piece = vec![0; length];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            Ok(piece)
        })?;
        if let Some(space) = buffer.get_mut(..piece.len()) {
            space.copy_from_slice(&piece);
        }
        Ok(piece.len())
    }
}

impl Seek for DetachedReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.with_file(move |file| file.seek(to))
    }
}

/// Waits until a read can return data, or the query ends. Files that cannot tell count as ready.
fn wait_for_content(file: &File, cancellation: &Cancellation) -> io::Result<()> {
    loop {
        let answer = poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&PATIENCE));
        // Even if there is data: what is taken out of a pipe now is lost to other readers.
        if cancellation.is_cancelled() {
            return Err(io::Error::other("the query ends"));
        }
        match answer {
            Ok(0) | Err(Errno::INTR) => {}
            // The read reports any error.
            Ok(_) | Err(_) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_hangs_is_left_behind_and_ends_when_it_can() {
        let cancellation = Cancellation::new();
        let (open, gate) = bounded::<()>(0);
        let (began, begins) = bounded(1);
        std::thread::scope(|threads| {
            let waits = threads.spawn(|| {
                run(&cancellation, move || {
                    began.send(()).unwrap();
                    let _ = gate.recv();
                })
            });
            begins.recv().unwrap();
            cancellation.cancel();
            let error = waits.join().unwrap().unwrap_err().to_string();
            assert!(error.contains("left to itself"), "{error}");
        });
        assert!(LEFT.load(Ordering::Relaxed) >= 1);
        drop(open);
        // Threads are reused, even for several callers at once.
        let cancellation = Cancellation::new();
        std::thread::scope(|threads| {
            for n in 0..20 {
                let cancellation = cancellation.clone();
                threads.spawn(move || {
                    for m in 0..50 {
                        assert_eq!(run(&cancellation, move || n * m).unwrap(), n * m);
                    }
                });
            }
        });
    }
}
