//! The interpreter's process, from the side of the query.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use peregrine_engine::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::message::{Answer, HEADER, Request, frame_length};
use crate::program::WorkerProgram;

/// How often to check whether the query has ended.
pub(crate) const CANCEL_CHECK: Duration = Duration::from_millis(50);
/// How long a script may take to stop by itself before its process is killed.
const GRACE: Duration = Duration::from_millis(250);
/// How long a process that closed its output may take to exit by itself.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// A running interpreter. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

/// Why there is no value.
pub(crate) enum Failure {
    /// The script failed; the process is fine.
    Script(String),
    /// The query has ended; the process is fine.
    Stopped,
    /// The process is unusable, for this reason.
    Dead(String),
}

/// Called repeatedly: whether the answer is still wanted.
pub(crate) type Wanted<'a> = dyn Fn() -> bool + 'a;

impl Process {
    pub(crate) fn start(program: &WorkerProgram) -> Result<Process, String> {
        let failed = |error: std::io::Error| format!("cannot start the interpreter: {error}");
        let mut child = program.command().spawn().map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            end(&mut child);
            return Err("cannot talk to the interpreter".to_owned());
        };
        // From here on, dropping it ends the program.
        let process = Process { child, input, output };
        set_nonblocking(&process.input)
            .and_then(|()| set_nonblocking(&process.output))
            .map_err(|error| failed(error.into()))?;
        Ok(process)
    }

    /// Sends a request and waits for the answer; can be cancelled.
    pub(crate) fn ask(
        &mut self,
        request: &Request,
        wanted: &Wanted<'_>,
        print: &dyn Fn(&str),
    ) -> Result<Value, Failure> {
        let frame = request.to_frame().map_err(Failure::Script)?;
        let mut wait = Wait { wanted, until: None };
        self.send(&frame, &mut wait)?;
        loop {
            let frame = self.receive(&mut wait)?;
            let answer = Answer::from_frame(&frame).map_err(|error| self.distrust(&error))?;
            match answer {
                Answer::Printed(text) if wait.until.is_none() => print(&text),
                Answer::Printed(_) => {}
                Answer::Done(_) | Answer::Failed(_) if wait.until.is_some() => return Err(Failure::Stopped),
                Answer::Done(value) => return Ok(value),
                Answer::Failed(error) => return Err(Failure::Script(error)),
            }
        }
    }

    fn send(&mut self, mut bytes: &[u8], wait: &mut Wait<'_>) -> Result<(), Failure> {
        while !bytes.is_empty() {
            match self.input.write(bytes) {
                Ok(0) => return Err(self.obituary()),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready(&self.input, PollFlags::OUT);
                    // Half a request cannot be taken back.
                    if !(wait.wanted)() {
                        return Err(self.stop());
                    }
                }
                Err(_) => return Err(self.obituary()),
            }
        }
        Ok(())
    }

    fn receive(&mut self, wait: &mut Wait<'_>) -> Result<Vec<u8>, Failure> {
        let mut header = Vec::new();
        self.receive_more(&mut header, HEADER, wait)?;
        let mut bytes = [0; HEADER];
        bytes.copy_from_slice(&header);
        let length = frame_length(bytes).map_err(|error| self.distrust(&error))?;
        let mut frame = Vec::new();
        self.receive_more(&mut frame, length, wait)?;
        Ok(frame)
    }

    /// Reads up to this length; memory grows with the data received, not with the length announced.
    fn receive_more(
        &mut self,
        into: &mut Vec<u8>,
        length: usize,
        wait: &mut Wait<'_>,
    ) -> Result<(), Failure> {
        let mut piece = vec![0; PIECE.min(length)];
        while into.len() < length {
            let size = piece.len().min(length - into.len());
            let target = piece.get_mut(..size).unwrap_or_default();
            match self.output.read(target) {
                Ok(0) => return Err(self.obituary()),
                Ok(read) => into.extend_from_slice(target.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => ready(&self.output, PollFlags::IN),
                Err(_) => return Err(self.obituary()),
            }
            self.check(wait)?;
        }
        Ok(())
    }

    /// When the answer is no longer wanted, the script is asked to stop, then forced to.
    fn check(&mut self, wait: &mut Wait<'_>) -> Result<(), Failure> {
        match wait.until {
            Some(until) if Instant::now() >= until => return Err(self.stop()),
            Some(_) => return Ok(()),
            None if (wait.wanted)() => return Ok(()),
            None => wait.until = Instant::now().checked_add(GRACE),
        }
        let frame = Request::Stop.to_frame().unwrap_or_default();
        // The pipe is empty, because the last request was read; what does not fit was not written.
        match self.input.write(&frame) {
            Ok(written) if written == frame.len() => Ok(()),
            _ => Err(self.stop()),
        }
    }

    fn stop(&mut self) -> Failure {
        end(&mut self.child);
        Failure::Dead("the script was stopped together with the query that used it".to_owned())
    }

    fn distrust(&mut self, error: &str) -> Failure {
        end(&mut self.child);
        Failure::Dead(format!("the interpreter's answer makes no sense: {error}"))
    }

    /// Why it died.
    fn obituary(&mut self) -> Failure {
        let until = Instant::now() + EXIT_TIMEOUT;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(2)),
                _ => break None,
            }
        };
        end(&mut self.child);
        Failure::Dead(cause(status))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

struct Wait<'a> {
    wanted: &'a Wanted<'a>,
    /// Set once it is not wanted any more.
    until: Option<Instant>,
}

fn cause(status: Option<ExitStatus>) -> String {
    const XCPU: i32 = rustix::process::Signal::XCPU.as_raw();
    match status.map(|status| (status.signal(), status.code())) {
        Some((Some(XCPU), _)) => {
            "the script used too much processor time; its interpreter was ended".to_owned()
        }
        Some((Some(signal), _)) => format!(
            "the script used too much memory or nested too deeply, and its interpreter ended (signal {signal}); \
             work on less data at a time"
        ),
        Some((None, Some(code))) => format!("the interpreter ended by itself (exit code {code})"),
        _ => "the interpreter ended for an unknown reason".to_owned(),
    }
}

/// Kills and reaps the process; does nothing if that was done before.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// Waits until there may be something to do, or for one polling interval.
fn ready(fd: &impl AsFd, flags: PollFlags) {
    let slice = Timespec::try_from(CANCEL_CHECK).ok();
    // An error shows again in the next operation.
    let _ = poll(&mut [PollFd::new(fd, flags)], slice.as_ref());
}

fn set_nonblocking(fd: &impl AsFd) -> rustix::io::Result<()> {
    fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)
}
