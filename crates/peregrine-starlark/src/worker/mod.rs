//! The interpreter's side: a process that limits itself, then executes the requests on standard input.

mod convert;
mod interpreter;
mod library;
mod limits;
mod nesting;

use std::io::{self, Read as _, StdinLock};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;

use crate::message::{HEADER, Request, frame_length};

/// Bytes of the interpreter's native stack, on which it recurses. Virtual until used.
const STACK: u64 = 256 << 20;

/// The state shared by the two threads.
#[derive(Debug, Default)]
struct WorkerFlags {
    /// Nobody waits for the current request any more.
    is_stopped: AtomicBool,
    is_busy: AtomicBool,
}

/// Runs until standard input ends. To be called once, at the start of a process that does nothing else.
///
/// # Errors
/// When the process cannot be limited or standard input makes no sense.
pub fn run() -> Result<(), String> {
    limits::set(STACK)?;
    let shared = Arc::new(WorkerFlags::default());
    let (jobs, queue) = channel();
    let inside = Arc::clone(&shared);
    thread::Builder::new()
        .name("starlark".to_owned())
        .stack_size(STACK as usize)
        .spawn(move || interpreter::work(&queue, &inside))
        .map_err(|error| format!("cannot start a thread: {error}"))?;
    let mut input = io::stdin().lock();
    while let Some(frame) = read_frame(&mut input)? {
        let request = Request::from_frame(&frame)?;
        if matches!(request, Request::Stop) {
            shared.is_stopped.store(true, Ordering::Release);
            continue;
        }
        limits::renew_time();
        shared.is_stopped.store(false, Ordering::Release);
        shared.is_busy.store(true, Ordering::Release);
        if jobs.send(request).is_err() {
            return Err("the interpreter has ended".to_owned());
        }
    }
    if shared.is_busy.load(Ordering::Acquire) {
        // The query's process is gone, perhaps killed. A script in progress holds locks that a regular exit
        // would wait for.
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    Ok(())
}

/// The next frame; `None` at the end.
fn read_frame(input: &mut StdinLock<'_>) -> Result<Option<Vec<u8>>, String> {
    let failed = |error: io::Error| format!("reading a request: {error}");
    let mut header = [0; HEADER];
    match input.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(failed(error)),
    }
    let length = frame_length(header)?;
    let mut frame = Vec::new();
    input
        .take(length as u64)
        .read_to_end(&mut frame)
        .map_err(failed)?;
    Ok((frame.len() == length).then_some(frame))
}
