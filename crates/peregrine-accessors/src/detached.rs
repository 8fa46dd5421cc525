//! Work on files that may hang in the kernel: done by another thread, so that whoever waits for it can stop waiting.
//!
//! What can say that there is nothing to read yet – pipes, terminals, the kernel's log – is asked again and again, and its
//! thread ends with the query. Nobody can end a read from a file server that is gone: a query that is told to end leaves
//! its thread behind, which ends when the kernel lets it. The number of these is bounded.

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

/// How often it is noticed that the query ends.
const TICK: Duration = Duration::from_millis(20);
/// Threads that are left behind; beyond that, nothing that may hang is begun.
const MOST_LEFT: usize = 64;
/// How long a thread waits for something to read before it looks whether anybody still wants it.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};
/// Idle threads that are kept for the next piece of work, and how long.
const MOST_IDLE: usize = 4;
const IDLE: Duration = Duration::from_secs(5);
/// Bytes read in one go.
const PIECE: usize = 1 << 20;
/// Listing and reading need little.
const STACK: usize = 256 << 10;

static LEFT: AtomicUsize = AtomicUsize::new(0);

type Job = Box<dyn FnOnce() + Send>;

/// Those that wait for work, the last that came first.
static WAITING: Mutex<Vec<Sender<Job>>> = Mutex::new(Vec::new());

/// Does work that may hang. When the query ends meanwhile, that is an error, and the work is left to itself.
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
        // Either side turns it once; the second that comes knows of the first.
        if was_left.swap(true, Ordering::AcqRel) {
            LEFT.fetch_sub(1, Ordering::Relaxed);
        }
        // Nobody listens when it was left behind.
        let _ = sender.send(done);
    }))?;
    loop {
        match outcome.recv_timeout(TICK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("reading it crashed")),
            Err(RecvTimeoutError::Timeout) if cancellation.is_cancelled() => {
                // Counted first, so that the other side never takes away what is not there.
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
            // It has just gone home.
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

/// Works until there has been nothing to do for a while.
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
                    // Somebody has taken us out to give us work.
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

/// A file each read of which may hang.
pub(crate) struct DetachedReader {
    /// Not here while it is read, and after that was left behind.
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

/// Waits until a read has something to give, or the query ends. Files that cannot tell count as ready.
fn wait_for_content(file: &File, cancellation: &Cancellation) -> io::Result<()> {
    loop {
        let answer = poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&PATIENCE));
        // Also when there is something: what is taken out of a pipe now, nobody else will see.
        if cancellation.is_cancelled() {
            return Err(io::Error::other("the query ends"));
        }
        match answer {
            Ok(0) | Err(Errno::INTR) => {}
            // What is wrong with it the read tells.
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
        // Threads are used again, also from several at once.
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
